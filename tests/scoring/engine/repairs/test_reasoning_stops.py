"""Whether an answer begins within the reasoning, by the tokens of its prompt."""

import pytest

from scoring.engine.repairs.reasoning_stops import Scope

START, END, TURN, WORD = 1, 2, 3, 9


@pytest.mark.parametrize(
    ("prompt", "begins", "within"),
    [
        pytest.param([TURN, WORD, START, WORD], False, True, id="opened-by-the-template"),
        pytest.param([TURN, WORD, START, END, WORD], True, False, id="closed-by-the-template"),
        pytest.param([START, END, TURN, WORD], True, True, id="an-earlier-turn-does-not-count"),
        pytest.param([TURN, WORD], False, False, id="neither"),
        pytest.param([], True, True, id="no-tokens"),
    ],
)
def test_where_an_answer_begins(prompt: list[int], *, begins: bool, within: bool) -> None:
    assert Scope(["</think>"], [END], [START], [TURN], begins).holds(prompt) == within
