"""Which split a step means."""

import pytest

from infra.resources.canary.shares import Shares

ALONE = Shares("new", "old")


@pytest.mark.parametrize(
    ("traffic", "step", "split"),
    [
        pytest.param({"old": 100}, 5, {"new": 5, "old": 95}, id="first"),
        pytest.param({"old": 75, "new": 25}, 100, {"new": 100}, id="last"),
        pytest.param({"old": 75, "new": 25}, 0, {"old": 100}, id="back"),
        pytest.param({"old": 40, "theirs": 60}, 25, {"new": 10, "old": 30, "theirs": 60}, id="others-keep-theirs"),
        pytest.param({"old": 10, "theirs": 90}, 5, {"new": 1, "old": 9, "theirs": 90}, id="at-least-one-percent"),
        pytest.param({"old": 2, "theirs": 98}, 75, {"new": 1, "old": 1, "theirs": 98}, id="never-all-before-the-last"),
        pytest.param({"old": 1, "theirs": 99}, 5, {"old": 1, "theirs": 99}, id="one-percent-is-not-split"),
        pytest.param({"old": 1, "theirs": 99}, 100, {"new": 1, "theirs": 99}, id="one-percent-moves-at-once"),
    ],
)
def test_split(traffic: dict[str, int], step: int, split: dict[str, int]) -> None:
    assert ALONE.split(traffic, step) == split


def test_an_abandoned_version_gives_its_share_back_with_the_first_step() -> None:
    shares = Shares("new", "old", ("old", "abandoned"))
    assert shares.split({"old": 75, "abandoned": 25}, 5) == {"new": 5, "old": 95}


@pytest.mark.parametrize(
    ("traffic", "left"),
    [
        pytest.param({"old": 100}, (5, 25, 100), id="all"),
        pytest.param({"old": 95, "new": 5}, (25, 100), id="after-the-first"),
        pytest.param({"old": 40, "new": 60}, (100,), id="from-between"),
        pytest.param({"new": 100}, (), id="none"),
        pytest.param({"old": 4, "theirs": 96}, (25, 100), id="steps-of-the-same-share-are-one"),
        pytest.param({"old": 1, "theirs": 99}, (100,), id="one-percent"),
    ],
)
def test_steps_left(traffic: dict[str, int], left: tuple[int, ...]) -> None:
    assert ALONE.left(traffic, (5, 25, 100)) == left


def test_where_the_stack_gets_nothing_there_is_nothing_to_move() -> None:
    shares, theirs = Shares("green", "blue"), {"theirs": 100}
    assert shares.left(theirs, (5, 100)) == ()
    assert shares.split(theirs, 5) == theirs
