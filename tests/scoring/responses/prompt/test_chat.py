"""The chat request of a Responses request, and an engine's refusal of it."""

import json

import pytest

from scoring.problems import Problem
from scoring.responses.prompt.chat import chat_request, in_responses_words
from scoring.responses.prompt.compaction import compaction_item
from scoring.responses.request.items import read_items
from scoring.responses.request.request import read_request
from tests.scoring.responses.prompt.conversations import (
    ASKED,
    SEALING,
    USER,
    messages,
    reasoning,
    said,
)


def test_a_compaction_stands_for_its_items() -> None:
    compacted = compaction_item(read_items([USER, said("a")]), SEALING)
    assert messages(compacted, USER) == [ASKED, said("a"), ASKED]
    with pytest.raises(Problem, match="SCORING_RESPONSES_KEY"):
        messages(compacted, USER, sealing=None)


def test_without_a_key_what_can_be_read_is_used() -> None:
    item = reasoning(encrypted_content=SEALING.seal("Hm."), summary=[{"type": "summary_text", "text": "S."}])
    assert messages(USER, item, said("a"), sealing=None) == [ASKED, said("a", reasoning="S.")]


def test_the_request_is_a_streamed_chat_with_its_usage() -> None:
    request = read_request({"model": "m", "input": "Hi", "top_k": 1, "tools": [], "stream": False}, "m")
    chat = chat_request(request, [])
    assert {name: chat[name] for name in ("model", "stream", "stream_options", "top_k")} == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "top_k": 1,
    }
    assert json.dumps(chat)


@pytest.mark.parametrize(
    ("param", "message", "place", "words"),
    [
        pytest.param("messages", "Bad.", "input", "Bad.", id="messages"),
        pytest.param("messages.0.content", "Bad.", "input", "Bad.", id="a-place-in-messages"),
        pytest.param(
            "max_completion_tokens",
            "`max_completion_tokens` is too large: max_completion_tokens=9.",
            "max_output_tokens",
            "`max_output_tokens` is too large: max_output_tokens=9.",
            id="tokens",
        ),
        pytest.param(
            "max_tokens",
            "max_tokens must be a number.",
            "max_output_tokens",
            "max_output_tokens must be a number.",
            id="a-name-without-marks",
        ),
        pytest.param("response_format", "Bad.", "text.format", "Bad.", id="format"),
        pytest.param("reasoning_effort", "Bad.", "reasoning.effort", "Bad.", id="effort"),
        pytest.param("top_k", "Bad.", "top_k", "Bad.", id="vllms-own"),
        pytest.param(None, "Bad.", None, "Bad.", id="no-place"),
    ],
)
def test_an_engines_refusal_is_said_in_the_words_of_responses(
    param: str | None, message: str, place: str | None, words: str
) -> None:
    problem = in_responses_words(Problem(400, message, param=param, kind="BadRequestError"))
    assert (problem.status, problem.param, problem.message) == (400, place, words)
    assert problem.kind == "invalid_request_error"
