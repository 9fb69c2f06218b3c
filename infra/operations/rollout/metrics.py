"""What a scoring server counts itself, from the text of its `/metrics`: requests, times to first tokens, gaps."""

import math
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \d+)?")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
INSTANCE = "process_start_time_seconds"  # differs from one instance of a deployment to the next
REQUESTS = "gatelift_requests_total"
TTFT = "vllm:time_to_first_token_seconds"
GAPS = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")  # the second: before vLLM 0.11
ASKING = "POST "  # with this a route begins that a client asks for an answer; probes and scrapes are GET
FAILED = frozenset({408, 424, 429})
"""Statuses below 500 for which a deployment is to blame, and not what a client has sent; 424: none of it is ready."""


class Histogram(Struct, frozen=True):
    """How often a time was at most so many seconds: cumulative counts by the bounds of the buckets."""

    buckets: Mapping[float, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many times were counted."""
        return round(self.buckets.get(math.inf, 0))

    def surely_above(self, seconds: float) -> int:
        """How many were longer, without those of the bucket in which the limit lies."""
        bound = min((bound for bound in self.buckets if bound >= seconds), default=math.inf)
        return self.total - round(self.buckets.get(bound, 0))

    def percentile(self, share: float) -> float:
        """The value below which this share lies, interpolated in its bucket as Prometheus does; nan for no times."""
        rank, lower, below = share * self.total, 0.0, 0.0
        if not self.total:
            return math.nan
        for bound, count in sorted(self.buckets.items()):
            if count >= rank and count > below:
                return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
            lower, below = bound, count
        return lower

    def plus(self, other: "Histogram", sign: int = 1) -> "Histogram":
        """The sum of both, or with a negative sign their difference."""
        bounds = {*self.buckets, *other.buckets}
        return Histogram({b: self.buckets.get(b, 0) + sign * other.buckets.get(b, 0) for b in bounds})


class Counted(Struct, frozen=True):
    """What one or more instances have counted."""

    requests: int = 0
    failed: int = 0
    ttft: Histogram = Histogram()
    gaps: Histogram = Histogram()

    def plus(self, other: "Counted", sign: int = 1) -> "Counted":
        """The sum of both, or with a negative sign their difference."""
        return Counted(
            self.requests + sign * other.requests,
            self.failed + sign * other.failed,
            self.ttft.plus(other.ttft, sign),
            self.gaps.plus(other.gaps, sign),
        )


def read_metrics(text: str) -> tuple[str, Counted] | None:
    """Which instance this is (empty if it does not say) and what it has counted; None for anything but metrics."""
    instance, requests, failed = "", 0.0, 0.0
    histograms: dict[str, dict[float, float]] = {}
    known = False
    for name, labels, value in _samples(text):
        if name == INSTANCE:
            instance = str(value)
        elif name == REQUESTS:
            known = True
            if labels.get("route", "").startswith(ASKING):
                requests += value
                failed += value if _is_failure(labels.get("status", "")) else 0
        elif name.endswith("_bucket") and (bound := _number(labels.get("le", ""))) is not None:
            buckets = histograms.setdefault(name.removesuffix("_bucket"), {})
            buckets[bound] = buckets.get(bound, 0) + value
    gaps = next((histograms[name] for name in GAPS if name in histograms), {})
    if not known and TTFT not in histograms and not gaps:
        return None
    return instance, Counted(round(requests), round(failed), Histogram(histograms.get(TTFT, {})), Histogram(gaps))


def _is_failure(status: str) -> bool:
    return status.isdecimal() and (int(status) >= 500 or int(status) in FAILED)


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line.strip()) if line and not line.startswith("#") else None
        if match is None:
            continue
        value = _number(match["value"])
        if value is not None and 0 <= value < math.inf:  # a count is nothing else, whoever has written the text
            yield match["name"], dict(LABEL.findall(match["labels"] or "")), value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


class Tally:
    """What the instances of one deployment have counted since the first look at each.

    Azure's front end picks an instance for each request, so that one look sees one of them.
    """

    def __init__(self) -> None:
        self._first: dict[str, Counted] = {}
        self._last: dict[str, Counted] = {}
        self._ended = Counted()

    @property
    def instances(self) -> int:
        """How many instances were seen."""
        return len(self._last)

    def look(self, instance: str, counted: Counted) -> None:
        """Take what an instance says."""
        before = self._last.get(instance, counted)
        if counted.requests < before.requests or counted.ttft.total < before.ttft.total:
            # one that does not say which it is has been restarted: what it counted until then is kept
            self._ended = self._ended.plus(before).plus(self._first[instance], -1)
            self._first[instance] = Counted()
        self._first.setdefault(instance, counted)
        self._last[instance] = counted

    def since(self) -> Counted:
        """What was counted in the meantime, of all instances together."""
        found = self._ended
        for instance, last in self._last.items():
            found = found.plus(last).plus(self._first[instance], -1)
        return found
