"""Watching a step: how often both deployments are looked at and asked, and when it ends early."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from infra.errors import NotReady
from infra.operations.rollout.evidence import limits_of
from infra.operations.rollout.sides import Side, Way, ask_both
from infra.operations.rollout.verdict import summary, table
from infra.operations.rollout.watch import MOST_ASKED, UNSEEN, Watched, watch
from infra.spec.rollout import SloSpec

LIMITS = limits_of(SloSpec(ttft_p95="300ms", gap_p95="200ms", error_rate="1%"))
TIGHT = limits_of(SloSpec(ttft_p95="100ms", gap_p95="100ms"))  # for what is slow, and it alone
HOUR = 3600.0
Serve = Callable[[str], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server of a version; gives its base URL."""
    running = []

    def start(version: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        script = Path(__file__).parent / "container" / "score.py"
        environ = {**os.environ, "PORT": str(port), "VERSION": version}
        running.append(subprocess.Popen([sys.executable, str(script)], env=environ, stdout=subprocess.DEVNULL))
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        return f"{url}/v1"

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def side(url: str, name: str, instances: int = 1) -> Side:
    return Side(Way(url, lambda: "key", {name: "m"}, lambda deployment: None), name, instances)


def nobody(url: str) -> str:
    return url.rpartition(":")[0] + ":9/v1"


class Notes:
    """A reporter that keeps the notes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def watched_cloud(plain_cloud: Any, notes: Notes) -> Any:
    return replace(plain_cloud, reporter=notes)


def test_an_hour_is_watched_with_a_bounded_number_of_questions(
    serve: Serve, watched_cloud: Any, manual_clock: Any, notes: Notes
) -> None:
    new, old = side(serve("good"), "green"), side(serve("good"), "blue")
    made_sure: list[float] = []
    step = Watched(new, old, LIMITS, HOUR, lambda: made_sure.append(manual_clock.now()))
    assert watch(watched_cloud, step) == ""
    assert made_sure[-1] == pytest.approx(HOUR)
    assert all(later - earlier <= 15 for earlier, later in pairwise(made_sure))
    assert len(new.samples) == len(old.samples) == MOST_ASKED
    assert new.counted.requests == MOST_ASKED
    assert len(notes.said) == 59 * len(LIMITS)
    assert "ttft_p95" in summary(new, old, LIMITS)
    assert "too few to tell" not in summary(new, old, LIMITS)


@pytest.mark.parametrize(
    ("version", "broken"),
    [
        pytest.param("ttft=0.12", "ttft_p95", id="slow-first-token"),
        pytest.param("gap=0.12", "gap_p95", id="slow-tokens"),
        pytest.param("errors=1", "error_rate", id="errors"),
    ],
)
def test_what_is_beyond_doubt_ends_a_step_early(
    serve: Serve, watched_cloud: Any, manual_clock: Any, version: str, broken: str
) -> None:
    new, old = side(serve(version), "green"), side(serve("good"), "blue")
    limits = [limit for limit in TIGHT if limit.name == broken]
    new.warm_up()
    said = watch(watched_cloud, Watched(new, old, limits, HOUR, lambda: None))
    assert said.startswith(broken)
    assert "blue: " in said
    assert manual_clock.now() < HOUR / 20
    assert len(table(new, old, LIMITS)) == len(LIMITS)


def test_a_limit_that_the_old_one_breaks_as_well_is_not_held_against_the_new_one(
    serve: Serve, watched_cloud: Any
) -> None:
    new, old = side(serve("ttft=0.12"), "green"), side(serve("ttft=0.12"), "blue")
    assert watch(watched_cloud, Watched(new, old, TIGHT[:1], 1, lambda: None)) == ""
    assert "(over the limit, but so is blue)" in summary(new, old, TIGHT[:1])


def test_one_that_is_worse_than_an_old_one_over_the_limit_is_blamed(serve: Serve, watched_cloud: Any) -> None:
    new, old = side(serve("errors=0.9"), "green"), side(serve("errors=0.2"), "blue")
    new.warm_up()
    old.warm_up()
    assert watch(watched_cloud, Watched(new, old, LIMITS, 1, lambda: None)).startswith("error_rate")


def test_a_step_of_which_nothing_is_seen_is_no_success(serve: Serve, watched_cloud: Any) -> None:
    url = nobody(serve("good"))
    assert watch(watched_cloud, Watched(side(url, "green"), side(url, "blue"), LIMITS, 1, lambda: None)) == UNSEEN


def test_a_network_that_is_gone_is_not_the_new_version_s_fault(serve: Serve) -> None:
    url = serve("good")
    new, old = side(nobody(url), "green"), side(nobody(url), "blue")
    ask_both(new, old, 0)
    assert (new.samples, old.samples) == ([], [])
    new, old = side(nobody(url), "green"), side(url, "blue")
    ask_both(new, old, 0)
    assert ([sample.status for sample in new.samples], len(old.samples)) == ([0], 1)


def test_instances_that_cannot_be_told_apart_are_not_counted(serve: Serve) -> None:
    url = serve("anonymous=1")
    alone, several = side(url, "green"), side(url, "green", instances=2)
    for one in (alone, several):
        one.begin()
        one.ask(1)
        one.look()
    assert (alone.counted.requests, alone.readable) == (1, True)
    assert (several.counted.requests, several.readable) == (0, False)


def test_a_model_that_does_not_chat_is_asked_otherwise(serve: Serve) -> None:
    url = serve("no_chat=1")
    asked: list[str] = []
    way = Way(url, lambda: "key", {}, asked.append)
    new = Side(way, "green", 1)
    new.warm_up()
    assert new.ask(1).status == 200
    assert asked == ["green"]


def test_a_key_that_is_made_anew_in_the_middle_is_read_anew(serve: Serve) -> None:
    url, keys = serve("key=second"), ["first", "second"]
    new, old = (Side(Way(url, lambda: keys[0], {}, print, lambda: keys.pop(0)), name, 1) for name in ("green", "blue"))
    new.look()
    assert keys == ["second"]
    keys.insert(0, "first")
    ask_both(new, old, 0)
    assert keys == ["second"]
    new.begin()
    ask_both(new, old, 1)
    new.look()
    assert (len(new.samples), new.counted.requests) == (1, 2)


def test_without_a_key_for_a_moment_nothing_is_seen_and_nothing_breaks(serve: Serve) -> None:
    def no_key() -> str:
        raise NotReady("no answer", code="no_connection")

    new, old = (Side(Way(serve("good"), no_key, {}, print), name, 1) for name in ("green", "blue"))
    new.begin()
    ask_both(new, old, 0)
    assert (new.samples, new.instances) == ([], 0)
