"""When a limit is broken: more cases over it than it allows, and more than chance explains."""

import math
import time

import pytest

from infra.load.ask import Sample
from infra.operations.rollout.evidence import (
    AT_THE_END,
    EARLY,
    Evidence,
    Limit,
    is_failure,
    limits_of,
    of_samples,
    of_server,
    tail,
)
from infra.operations.rollout.metrics import Counted, Histogram
from infra.spec.rollout import SloSpec

TTFT, ERRORS = Limit("ttft_p95", "800ms", 0.05, 0.8), Limit("error_rate", "1%", 0.01)
NONE_ALLOWED = Limit("error_rate", "0%", 0.0)


def sample(status: int = 200, error: str = "", ttft: float = 0.1, gaps: tuple[float, ...] = (0.01,)) -> Sample:
    return Sample(0.0, ttft, gaps, 1.0, 10, 5, status, error)


@pytest.mark.parametrize(
    ("limit", "cases", "over", "chance", "broken"),
    [
        pytest.param(ERRORS, 20, 1, AT_THE_END, False, id="one-accident-of-twenty"),
        pytest.param(ERRORS, 20, 2, AT_THE_END, True, id="two-of-twenty"),
        pytest.param(ERRORS, 10_000, 110, AT_THE_END, False, id="about-the-limit"),
        pytest.param(ERRORS, 10_000, 130, AT_THE_END, True, id="beyond-the-limit"),
        pytest.param(ERRORS, 10_000, 90, AT_THE_END, False, id="below-the-limit"),
        pytest.param(TTFT, 20, 3, AT_THE_END, False, id="three-slow-of-twenty"),
        pytest.param(TTFT, 20, 4, AT_THE_END, True, id="four-slow-of-twenty"),
        pytest.param(TTFT, 2, 2, EARLY, False, id="two-are-no-proof-early"),
        pytest.param(TTFT, 3, 3, EARLY, True, id="three-of-three-are-early"),
        pytest.param(NONE_ALLOWED, 1000, 1, EARLY, True, id="nothing-allowed"),
        pytest.param(ERRORS, 0, 0, AT_THE_END, False, id="nothing-seen"),
    ],
)
def test_when_a_limit_is_broken(limit: Limit, cases: int, over: int, chance: float, broken: bool) -> None:
    assert Evidence(cases, over, math.nan).breaks(limit, chance) is broken


@pytest.mark.parametrize(
    ("new", "old", "worse"),
    [
        pytest.param((10, 51), (6, 51), False, id="alike"),
        pytest.param((45, 51), (6, 51), True, id="much-worse"),
        pytest.param((3, 3), (1, 2), False, id="few-cases-show-little"),
        pytest.param((5, 51), (10, 51), False, id="better"),
    ],
)
def test_worse_than_an_old_one_that_is_over_the_limit(new: tuple[int, int], old: tuple[int, int], worse: bool) -> None:
    (over, cases), (over_before, cases_before) = new, old
    before = Evidence(cases_before, over_before, math.nan)
    assert Evidence(cases, over, math.nan).worse_than(before, AT_THE_END) is worse


@pytest.mark.parametrize(("over", "cases", "share"), [(1, 20, 0.01), (4, 20, 0.05), (3, 3, 0.05), (12, 30, 0.3)])
def test_the_tail_is_that_of_the_binomial_distribution(over: int, cases: int, share: float) -> None:
    exact = sum(math.comb(cases, k) * share**k * (1 - share) ** (cases - k) for k in range(over, cases + 1))
    assert tail(over, cases, share) == pytest.approx(exact)


@pytest.mark.parametrize(
    ("slow", "chance", "broken"),
    [
        pytest.param(2, EARLY, False, id="two-of-ten-answers-halted"),
        pytest.param(3, AT_THE_END, True, id="three-of-ten-at-the-end"),
        pytest.param(10, EARLY, True, id="all-of-them"),
    ],
)
def test_the_gaps_of_one_answer_are_no_proof_each(slow: int, chance: float, broken: bool) -> None:
    limit, halted = Limit("gap_p95", "60ms", 0.05, 0.06), (0.2,) * 15
    samples = [sample(gaps=halted if number < slow else (0.01,) * 15) for number in range(10)]
    assert of_samples(samples, limit).breaks(limit, chance) is broken
    times = Histogram({0.06: 15.0 * (10 - slow), math.inf: 150.0})
    counted = Counted(10, 0, Histogram({math.inf: 10.0}), times)
    assert of_server(counted, limit).breaks(limit, chance) is broken


def test_millions_of_cases_are_judged_at_once() -> None:
    began = time.process_time()
    assert Evidence(900_000_000, 90_000_000, 0.2).breaks(TTFT, EARLY)
    assert time.process_time() - began < 1


def test_the_limits_of_a_spec() -> None:
    found = limits_of(SloSpec(ttft_p95="800ms", gap_p95="60ms", error_rate="1%"))
    assert [(limit.name, limit.seconds) for limit in found] == [
        ("ttft_p95", 0.8),
        ("gap_p95", 0.06),
        ("error_rate", 0.0),
    ]
    assert found[-1].allowed == 0.01
    assert [limit.name for limit in limits_of(SloSpec())] == ["error_rate"]


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        pytest.param(200, "", False, id="whole-answer"),
        pytest.param(200, "the stream ended before the answer did", True, id="broken-off"),
        pytest.param(0, "timeout", True, id="no-answer"),
        pytest.param(500, "500", True, id="500"),
        pytest.param(424, "424", True, id="no-instance-ready"),
        pytest.param(429, "429", True, id="turned-away"),
        pytest.param(401, "401", False, id="key"),
        pytest.param(404, "404", False, id="route"),
    ],
)
def test_for_which_failures_a_deployment_is_to_blame(status: int, error: str, failure: bool) -> None:
    assert is_failure(sample(status, error)) is failure


def test_times_are_of_whole_answers_and_errors_of_all() -> None:
    samples = [sample(ttft=0.9), sample(ttft=0.1), sample(500, "500", ttft=9.0)]
    assert (of_samples(samples, TTFT).cases, of_samples(samples, TTFT).over) == (2, 1)
    assert of_samples(samples, ERRORS) == Evidence(3, 1, 1 / 3)


def test_a_server_is_blamed_only_for_what_is_surely_over_the_limit() -> None:
    counted = Counted(100, 2, Histogram({0.75: 80, 1.0: 95, math.inf: 100}))
    found = of_server(counted, TTFT)
    assert (found.cases, found.over) == (100, 5)
    assert found.value == pytest.approx(1.0)
    assert of_server(counted, ERRORS) == Evidence(100, 2, 0.02)
