"""The tag that tells how far a rollout is."""

import pytest

from infra.resources.base import CANARY_TAG
from infra.resources.canary.record import MOST, Canary, canary_of

RECORD = Canary("blue-1a2b", "blue", 25, "2026-12-01T18:20:00Z", "0123456789ab")


def test_it_is_read_as_it_was_written() -> None:
    assert canary_of({CANARY_TAG: RECORD.to_tag(), "team": "search"}) == RECORD


def test_a_long_reason_is_cut_so_that_azure_takes_it() -> None:
    names = "n" * 32, "o" * 32
    record = Canary(*names, 100, "2026-12-01T18:20:00Z", "0" * 12, 'of "blue" – nothing ' * 40)
    tag = record.to_tag()
    assert len(tag) <= MOST
    assert tag.isascii()
    read = canary_of({CANARY_TAG: tag})
    assert read is not None
    assert (read.new, read.at, read.under_way) == (names[0], 100, False)


@pytest.mark.parametrize("value", ["", "5 %", "{}", '{"new": "x"}', "[1]"])
def test_what_nobody_can_read_is_none(value: str) -> None:
    assert canary_of({CANARY_TAG: value}) is None


@pytest.mark.parametrize(("at", "words"), [(0, "while requests were mirrored"), (25, "at 25 %")])
def test_the_place_in_words(at: int, words: str) -> None:
    assert Canary("a", "b", at).place == words
