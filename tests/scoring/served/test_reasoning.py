"""Reasoning as a client sees it: the random model ends it where `</think>` is made likely, then says what we want."""

from typing import Any

import pytest

from tests.scoring.processes import ScoringServer
from tests.scoring.puppet import TOOLS, puppet, said

END = 49153  # </think>
ASKED: dict[str, Any] = {"model": "random", "messages": [{"role": "user", "content": "go"}], "temperature": 0}
CALL = '<tool_call>\n{"name": "say", "arguments": {"text": "</think>"}}\n</tool_call>'


@pytest.fixture(scope="module")
def url(embedding_server: ScoringServer) -> str:
    """A server whose chat model reasons: its prompts end within the reasoning."""
    return embedding_server.base_url


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        pytest.param("</think>\n</think>\nTwo.", "\nTwo.", [], id="more-ends"),
        pytest.param("One </think> two.", "One </think> two.", [], id="end-within-content"),
        pytest.param("\n\n" + CALL, None, [("say", '{"text": "</think>"}')], id="call-after-white-space"),
        pytest.param("A <think>b</think> c", "A <think>b</think> c", [], id="beginning-within-content"),
    ],
)
def test_what_follows_the_reasoning(url: str, text: str, content: str | None, calls: list[tuple[str, str]]) -> None:
    answer = said(url, puppet(text, model="random", logit_bias={str(END): 100}, **TOOLS))
    assert (answer.reasoning, answer.content, answer.calls) == (None, content, calls)


@pytest.mark.parametrize("more", [pytest.param({}, id="plain"), pytest.param(TOOLS, id="tools")])
def test_stop_strings_do_not_end_the_reasoning(url: str, more: dict[str, Any]) -> None:
    body = {**ASKED, "max_tokens": 24, "ignore_eos": True, "logit_bias": {str(END): -100}, **more}
    free = said(url, body)
    assert free.reasoning
    assert said(url, {**body, "stop": [free.reasoning[3:8]]}) == free
    assert (free.content, free.finish) == (None, "length")


def test_stop_strings_end_the_answer_after_it(url: str) -> None:
    body = puppet("The ANSWER is 7.", model="random", logit_bias={str(END): 100}, stop=["SWER"])
    answer = said(url, body)
    assert (answer.content, answer.finish) == ("The AN", "stop")


def test_a_prompt_that_has_ended_the_reasoning_is_answered_by_content(url: str) -> None:
    begun = {"role": "assistant", "content": "<think>\nI think.\n</think>\n\nThe"}
    on = {"add_generation_prompt": False, "continue_final_message": True, "max_tokens": 8}
    answer = said(url, {**ASKED, "messages": [*ASKED["messages"], begun], **on})
    assert answer.content
    assert answer.reasoning is None
    stopped = said(url, {**ASKED, "messages": [*ASKED["messages"], begun], **on, "stop": [answer.content[2:5]]})
    assert (stopped.content or "", stopped.finish) == (answer.content[:2], "stop")
