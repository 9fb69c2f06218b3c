"""How many requests are sent, when, and how many at a time."""

import math
import statistics
import threading
from itertools import pairwise

import pytest

from infra.load.arrivals import arrivals
from infra.load.ask import Question, Sample
from infra.load.run import Pace, Run, run
from tests.infra.load.conftest import Gate, Told

WHOLE = Sample(0.0, 0.1, (0.01,), 0.11, 5, 2, 200, pieces=(0.1, 0.11))


def numbered(number: int) -> Question:
    return Question(str(number), 4)


@pytest.mark.parametrize("concurrency", [1, 3, None], ids=["one", "three", "all-at-once"])
def test_so_many_at_a_time(told: Told, concurrency: int | None) -> None:
    gate = told.always = Gate()
    threading.Timer(0.3, gate.opened.set).start()
    done = run(told.client().ask, numbered, Pace(concurrency=concurrency, requests=7))
    assert told.most == min(concurrency or 7, 7)
    assert [sample.error for sample in done.samples] == [""] * 7
    assert sorted(body["messages"][0]["content"] for _, _, body in told.seen) == list("0123456")
    assert told.connections <= told.most


def test_samples_are_in_the_order_of_the_questions() -> None:
    asked: list[str] = []
    lock = threading.Lock()

    def ask(question: Question) -> Sample:
        with lock:
            asked.append(question.prompt)
        return Sample(0.0, None, (), 0.0, int(question.prompt), 0, 200)

    done = run(ask, numbered, Pace(rate=2000, requests=50))
    assert [sample.prompt_tokens for sample in done.samples] == list(range(50))
    assert len(done.waits) == 50


@pytest.mark.parametrize("pace", [Pace(concurrency=2, requests=5), Pace(concurrency=2, seconds=0.1)], ids=str)
def test_a_mistake_of_ours_is_not_silent(pace: Pace) -> None:
    def ask(question: Question) -> Sample:
        raise TypeError(f"a mistake about {question.prompt}")

    with pytest.raises(TypeError, match="a mistake about"):
        run(ask, numbered, pace)


def test_for_some_seconds_one_after_the_other(told: Told) -> None:
    done = run(told.client().ask, numbered, Pace(concurrency=2, seconds=0.2))
    assert len(done.samples) == len(told.seen) >= 2
    assert told.most <= 2
    assert len({body["messages"][0]["content"] for _, _, body in told.seen}) == len(told.seen)


def test_requests_that_wait_for_a_free_place_are_told_from_a_slow_machine() -> None:
    waits = (0.0,) * 50 + (0.5,) * 50
    limited = Run(Pace(concurrency=1, requests=100), (WHOLE,) * 100, waits, 10.0, 0.1)
    assert (limited.late, limited.strained) == (0.0, False)
    open_ended = Run(Pace(rate=10, requests=100), (WHOLE,) * 100, waits, 10.0, 0.1)
    assert (open_ended.late, open_ended.strained) == (0.5, True)
    assert Run(Pace(rate=10, requests=100), (WHOLE,) * 100, (0.0,) * 100, 10.0, 0.9).strained


def test_times_at_which_requests_are_sent() -> None:
    times = arrivals(400, 20.0, seed=1)
    assert times == sorted(times) == arrivals(400, 20.0, seed=1) != arrivals(400, 20.0, seed=2)
    assert times[-1] == pytest.approx(20.0)
    assert arrivals(3, math.inf) == [0.0] * 3
    assert arrivals(0, 5.0) == []


@pytest.mark.parametrize(("burstiness", "spread"), [(0.2, (1.5, 4.0)), (1.0, (0.8, 1.2)), (50.0, (0.05, 0.3))])
def test_bursts(burstiness: float, spread: tuple[float, float]) -> None:
    times = [0.0, *arrivals(2000, 10.0, burstiness)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert spread[0] < statistics.stdev(gaps) / statistics.mean(gaps) < spread[1]  # 1 for a Poisson process


@pytest.mark.parametrize(
    ("pace", "count", "words"),
    [
        (Pace(rate=4, seconds=20), 80, "4/s"),
        (Pace(rate=0.01, seconds=20), 1, "0.01/s"),
        (Pace(rate=4, concurrency=8, requests=30), 30, "4/s, at most 8"),
        (Pace(concurrency=8, seconds=5), None, "8 at a time"),
        (Pace(requests=30), 30, "all at once"),
    ],
)
def test_a_pace_in_words(pace: Pace, count: int | None, words: str) -> None:
    assert (pace.count, str(pace)) == (count, words)
