"""What many samples say together: percentiles, rates, errors."""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from infra.load.ask import Sample


class Summary(Struct, frozen=True):
    """Percentiles are in seconds, of the answers that came whole; nan where there is nothing to measure."""

    requests: int
    failed: int
    """All that brought no whole answer, `throttled` ones included."""
    throttled: int
    """Those that were answered 429."""
    error_rate: float
    """Share of the requests that failed, from 0 to 1."""
    ttft_p50: float
    ttft_p95: float
    ttft_p99: float
    gap_p50: float
    gap_p95: float
    gap_p99: float
    seconds_p50: float
    seconds_p95: float
    seconds_p99: float
    prompt_tokens: int
    tokens: int
    requests_per_second: float
    tokens_per_second: float
    errors: tuple[tuple[str, int], ...] = ()
    """What went wrong and how often, the most frequent first."""


def summarize(samples: Sequence[Sample], seconds: float) -> Summary:
    """Sum up the samples of `seconds` seconds."""
    whole = [sample for sample in samples if not sample.failed]
    failed = len(samples) - len(whole)
    ttfts = [sample.ttft for sample in whole if sample.ttft is not None]
    gaps = [gap for sample in whole for gap in sample.gaps]
    lengths = [sample.seconds for sample in whole]
    tokens = sum(sample.tokens for sample in whole)
    return Summary(
        requests=len(samples),
        failed=failed,
        throttled=sum(sample.throttled for sample in samples),
        error_rate=failed / len(samples) if samples else math.nan,
        ttft_p50=percentile(ttfts, 0.5),
        ttft_p95=percentile(ttfts, 0.95),
        ttft_p99=percentile(ttfts, 0.99),
        gap_p50=percentile(gaps, 0.5),
        gap_p95=percentile(gaps, 0.95),
        gap_p99=percentile(gaps, 0.99),
        seconds_p50=percentile(lengths, 0.5),
        seconds_p95=percentile(lengths, 0.95),
        seconds_p99=percentile(lengths, 0.99),
        prompt_tokens=sum(sample.prompt_tokens for sample in whole),
        tokens=tokens,
        requests_per_second=len(whole) / seconds if seconds else math.nan,
        tokens_per_second=tokens / seconds if seconds else math.nan,
        errors=counted(sample.error for sample in samples if sample.failed),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies, interpolated as numpy does; nan for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def counted(errors: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Each error with how often it occurred, the most frequent first."""
    counts: dict[str, int] = {}
    for error in errors:
        counts[error] = counts.get(error, 0) + 1
    return tuple(sorted(counts.items(), key=lambda pair: -pair[1]))
