"""However the same answer is cut into chunks, its items are the same, and its events are well formed."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scoring.responses.checking import read_events
from tests.scoring.responses.events.chats import call, ended, machine_for, read, run, text, thought
from tests.scoring.responses.grammar import check_order

WORDS = st.text(st.sampled_from('aé😀"\\ \n{}'), min_size=1, max_size=12)
ARGUMENTS = st.sampled_from(['{"text":"a\\"b"}', "{}", '{"a":[1,{"b":"é"}]}', '{"cut', ""])
SAID = st.one_of(
    st.tuples(st.just("text"), WORDS),
    st.tuples(st.just("thought"), WORDS),
    st.tuples(st.just("call"), ARGUMENTS),
)
REASONS = st.sampled_from(["stop", "length", "tool_calls"])


def chunks_of(said: list[tuple[str, str]], cuts: Any) -> list[dict[str, Any]]:
    """Return an answer in chunks, each text cut where `cuts` says; calls have indexes of their own."""
    chunks: list[dict[str, Any]] = [text("")]
    calls = 0
    for kind, words in said:
        pieces = cuts(words)
        if kind == "call":
            chunks.append(call(calls, "say", id=f"call_{calls}"))
            chunks += [call(calls, "", piece) for piece in pieces]
            calls += 1
        else:
            chunks += [(text if kind == "text" else thought)(piece) for piece in pieces]
    return chunks


@settings(max_examples=300, deadline=None)
@given(st.lists(SAID, max_size=6), REASONS, st.randoms(use_true_random=False))
def test_cuts_change_nothing(said: list[tuple[str, str]], reason: str, chance: Any) -> None:
    def anywhere(words: str) -> list[str]:
        marked = "".join(letter + ("\0" if chance.random() < 0.4 else "") for letter in words)
        return [piece for piece in marked.split("\0") if piece]

    whole, cut = (
        read_events(b"".join(run([*chunks_of(said, cuts), ended(reason)])))
        for cuts in (lambda words: [words], anywhere)
    )
    check_order(whole)
    check_order(cut)
    assert cut[-1]["response"] == whole[-1]["response"]
    assert texts_of(cut) == texts_of(whole)
    assert kinds_of(cut) == kinds_of(whole)


def texts_of(events: list[Any]) -> list[tuple[str, int, str]]:
    """Return the deltas of each part joined."""
    joined: dict[tuple[str, int], str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            place = (event["type"], event["output_index"])
            joined[place] = joined.get(place, "") + event["delta"]
    return [(kind, at, words) for (kind, at), words in joined.items()]


def kinds_of(events: list[Any]) -> list[str]:
    """Return the types of the events, deltas that follow each other counted once."""
    return re.sub(r"(\S+\.delta )\1+", r"\1", "".join(event["type"] + " " for event in events)).split()


@settings(max_examples=100, deadline=None)
@given(st.lists(SAID.filter(lambda one: one[1]), max_size=5), st.sampled_from(["fail", "cancel"]))
def test_nothing_that_was_said_is_lost(said: list[tuple[str, str]], end: str) -> None:
    machine = machine_for()
    events = machine.begin()
    for chunk in chunks_of(said, list):
        events += machine.feed(read(chunk))
    events += machine.end("No.") if end == "fail" else machine.cancel()
    told = read_events(b"".join(events))
    check_order(told)
    kept = "".join(words for _, _, words in texts_of(told))
    assert "".join(kept.split()) == "".join("".join(words for _, words in said).split())
