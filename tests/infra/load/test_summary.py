"""Percentiles as numpy has them, and what counts as failed; objectives and the words for them."""

import math
import random

import numpy
import pytest

from infra.errors import GateliftError
from infra.load.ask import Sample
from infra.load.slo import breaches, limits_of, read_slo, shown
from infra.load.summary import percentile, summarize
from infra.spec.rollout import SloSpec


def whole(ttft: float, gaps: tuple[float, ...] = (), tokens: int = 0) -> Sample:
    return Sample(0.0, ttft, gaps, ttft + sum(gaps), 10, tokens or len(gaps) + 1, 200)


def failed(status: int, error: str) -> Sample:
    return Sample(0.0, 0.001, (0.001,), 9.0, 10, 2, status, error)


@pytest.mark.parametrize("count", [1, 2, 3, 20, 997])
def test_percentiles_are_numpys(count: int) -> None:
    chance = random.Random(count)
    values = [chance.expovariate(1) for _ in range(count)]
    for share in (0, 0.5, 0.9, 0.95, 0.99, 1):
        assert percentile(values, share) == pytest.approx(float(numpy.percentile(values, share * 100)))
    assert math.isnan(percentile([], 0.5))


def test_requests_that_failed_are_counted_and_not_timed() -> None:
    samples = [
        whole(0.1, (0.01, 0.03)),
        whole(0.3, (0.02,)),
        failed(500, "500: oh"),
        failed(429, "429"),
        failed(429, "429"),
    ]
    found = summarize(samples, 2.0)
    assert (found.requests, found.failed, found.throttled, found.error_rate) == (5, 3, 2, 0.6)
    assert (found.ttft_p50, found.gap_p50, found.seconds_p99) == (pytest.approx(0.2), 0.02, pytest.approx(0.3182))
    assert (found.prompt_tokens, found.tokens) == (20, 5)
    assert (found.requests_per_second, found.tokens_per_second) == (1.0, 2.5)
    assert found.errors == (("429", 2), ("500: oh", 1))


def test_no_samples() -> None:
    found = summarize([], 1.0)
    assert (found.requests, found.errors) == (0, ())
    assert math.isnan(found.error_rate)
    assert math.isnan(found.ttft_p95)


def test_objectives_are_read_as_the_spec_reads_them() -> None:
    limits = read_slo("ttft_p95=800ms, gap_p95=60ms,error_rate=1%")
    assert limits == {"ttft_p95": 0.8, "gap_p95": 0.06, "error_rate": 0.01}
    assert limits_of(SloSpec(ttft_p95="800ms", gap_p95="60ms", error_rate="1%")) == limits
    assert set(limits) <= set(SloSpec.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ttft=1s", "--slo ttft=1s: there is no objective ttft"),
        ("ttft_p95=800", "--slo ttft_p95=800: must be a duration"),
        ("error_rate=1s", "--slo error_rate=1s: must be a percentage"),
        ("ttft_p95", "--slo ttft_p95: must be a duration"),
    ],
)
def test_objectives_that_are_none(text: str, message: str) -> None:
    with pytest.raises(GateliftError, match=message) as raised:
        read_slo(text)
    assert raised.value.hint


def test_breaches() -> None:
    found = summarize([whole(0.5, (0.02,))] * 19 + [failed(500, "oh")], 1.0)
    kept = {"ttft_p95": 0.5, "gap_p95": 0.02, "error_rate": 0.05}
    assert breaches(found, kept) == ()
    assert [each.name for each in breaches(found, dict.fromkeys(kept, 0.01))] == ["ttft_p95", "gap_p95", "error_rate"]
    assert str(breaches(found, {"ttft_p95": 0.4})[0]) == "ttft_p95 500 ms, limit 400 ms"
    assert str(breaches(found, {"error_rate": 0.01})[0]) == "error_rate 5 %, limit 1 %"


def test_what_cannot_be_measured_is_not_kept() -> None:
    nothing = summarize([failed(500, "oh")] * 3, 1.0)
    assert [each.name for each in breaches(nothing, {"ttft_p95": 1.0, "gap_p95": 1.0})] == ["ttft_p95", "gap_p95"]
    assert shown("ttft_p95", math.nan) == "–"
    one_token_each = summarize([whole(0.1)] * 3, 1.0)
    assert breaches(one_token_each, {"gap_p95": 0.001}) == ()  # there are no gaps to judge
