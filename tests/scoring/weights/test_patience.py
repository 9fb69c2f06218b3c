"""How long a service that fails for now is waited for; time passes only where it is slept through."""

import time
from collections.abc import Callable
from email.utils import formatdate

import httpx
import pytest

from scoring.weights.patience import Patience, retry_after

REQUEST = httpx.Request("GET", "http://hub.test")


def answer(status: int, **headers: str) -> httpx.HTTPStatusError:
    """Return the error of an answer; header names take `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(status, headers=named, request=REQUEST)
    return httpx.HTTPStatusError("refused", request=REQUEST, response=response)


class Day:
    """A clock that sleeping moves on; `failures` are what a service raises, one after the other."""

    def __init__(self, *failures: Exception, grows: bool = False) -> None:
        self.now, self.slept = 0.0, list[float]()
        self.failures, self.grows, self.bytes = list(failures), grows, 0

    def patience(self, seconds: float, unreached: int = 3) -> Patience:
        return Patience(seconds, unreached=unreached, size=lambda: self.bytes, sleep=self.sleep, clock=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def work(self) -> str:
        self.bytes += self.grows
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.mark.parametrize(
    ("failures", "slept"),
    [
        pytest.param([], [], id="at-once"),
        pytest.param([answer(503)] * 6, [1, 2, 4, 8, 16, 30], id="growing-pauses"),
        pytest.param([answer(429, retry_after="7")], [7.5], id="retry-after"),
        pytest.param([answer(503, retry_after="7"), answer(500)], [7.5, 2], id="of-a-503"),
        pytest.param([httpx.ReadError("cut")] * 2, [1, 2], id="broken-connection"),
    ],
)
def test_what_passes_is_slept_through(failures: list[Exception], slept: list[float]) -> None:
    day = Day(*failures)
    assert day.patience(100).ask(day.work, "m") == "done"
    assert day.slept == slept


@pytest.mark.parametrize(
    ("day", "seconds", "slept"),
    [
        pytest.param(Day(*[answer(503)] * 99), 10, [1, 2, 4], id="after-the-seconds"),
        pytest.param(Day(answer(429, retry_after="99")), 10, [], id="at-once-where-the-wait-is-longer"),
        pytest.param(Day(*[httpx.ConnectError("no")] * 99), 1000, [1, 2], id="never-reached"),
        pytest.param(Day(answer(404)), 1000, [], id="for-good"),
        pytest.param(Day(OSError(28, "no space")), 1000, [], id="full-disk"),
        pytest.param(Day(httpx.ProxyError("407")), 1000, [], id="proxy"),
    ],
)
def test_it_ends(day: Day, seconds: float, slept: list[float]) -> None:
    with pytest.raises((httpx.HTTPError, OSError)):
        day.patience(seconds).ask(day.work, "m")
    assert day.slept == slept


def test_bytes_that_come_begin_it_anew() -> None:
    day = Day(*[answer(503)] * 50, grows=True)
    assert day.patience(3).ask(day.work, "m") == "done"
    assert day.slept == [1] * 50


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        pytest.param(lambda: answer(429, retry_after="3"), 3.5, id="retry-after"),
        pytest.param(lambda: answer(429, retry_after=formatdate(time.time() + 60, usegmt=True)), 60, id="date"),
        pytest.param(lambda: answer(429, ratelimit='"api";r=0;t=12'), 12.5, id="ratelimit"),
        pytest.param(lambda: answer(429, ratelimit="limit=5, remaining=0, reset=9"), 9.5, id="ratelimit-as-it-was"),
        pytest.param(lambda: answer(429, ratelimit_reset="4"), 4.5, id="ratelimit-reset"),
        pytest.param(lambda: answer(429), None, id="nothing"),
        pytest.param(lambda: answer(404, retry_after="3"), None, id="another-answer"),
    ],
)
def test_what_a_service_asks_to_wait(error: Callable[[], Exception], seconds: float | None) -> None:
    found = retry_after(error())
    assert found is None if seconds is None else found == pytest.approx(seconds, abs=3 if seconds == 60 else 0.01)
