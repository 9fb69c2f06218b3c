"""The chat messages that a conversation becomes."""

import base64
from typing import Any

import pytest

from scoring.problems import Problem
from tests.scoring.responses.prompt.conversations import (
    ASKED,
    HM,
    PNG,
    SEALING,
    USER,
    call,
    called,
    messages,
    output,
    reasoning,
    returned,
    said,
)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([USER], [ASKED], id="text"),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}],
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            id="several-texts",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "original"}]}],
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}],
            id="image",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "input_video", "video_url": "https://a/b"}]}],
            [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://a/b"}}]}],
            id="video",
        ),
        pytest.param(
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_file", "filename": "n.txt", "file_data": base64.b64encode(b"Notes.").decode()}
                    ],
                }
            ],
            [{"role": "user", "content": "n.txt:\nNotes."}],
            id="file",
        ),
        pytest.param([USER, said("")], [ASKED, said("")], id="assistant-that-says-nothing"),
        pytest.param(
            [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
            [ASKED, said("No.")],
            id="refusal",
        ),
        pytest.param(
            [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, USER],
            [{"role": "system", "content": "s\n\nd"}, ASKED],
            id="what-comes-before-all-is-one-message",
        ),
        pytest.param(
            [USER, {"role": "developer", "content": "d"}, USER],
            [ASKED, {"role": "system", "content": "d"}, ASKED],
            id="developer-in-its-place",
        ),
        pytest.param(
            [USER, reasoning(**HM), said("a"), call("c"), output("c", "1"), USER],
            [ASKED, said("a", reasoning="Hm.", tool_calls=[called("c")]), returned("c", "1"), ASKED],
            id="one-turn-is-one-message",
        ),
        pytest.param([USER, call("c")], [ASKED, {"role": "assistant", "tool_calls": [called("c")]}], id="open-call"),
        pytest.param(
            [USER, call("c"), USER],
            [ASKED, {"role": "assistant", "tool_calls": [called("c")]}, ASKED],
            id="call-that-nobody-answers",
        ),
        pytest.param(
            [USER, call("c", "f"), call("d", "g"), output("d", "2"), output("c", "1")],
            [
                ASKED,
                {"role": "assistant", "tool_calls": [called("c", "f"), called("d", "g")]},
                returned("c", "1"),
                returned("d", "2"),
            ],
            id="parallel-calls",
        ),
        pytest.param(
            [USER, call("c"), USER, output("c", "1")],
            [ASKED, {"role": "assistant", "tool_calls": [called("c")]}, returned("c", "1"), ASKED],
            id="output-after-another-question",
        ),
        pytest.param(
            [USER, call("c", "f"), output("c", "1"), call("c", "g"), output("c", "2")],
            [
                ASKED,
                {"role": "assistant", "tool_calls": [called("c", "f")]},
                returned("c", "1"),
                {"role": "assistant", "tool_calls": [called("c", "g")]},
                returned("c", "2"),
            ],
            id="one-id-for-two-calls",
        ),
        pytest.param(
            [call("c", "f"), USER, call("c", "g"), output("c", "2")],
            [
                {"role": "assistant", "tool_calls": [called("c", "f")]},
                ASKED,
                {"role": "assistant", "tool_calls": [called("c", "g")]},
                returned("c", "2"),
            ],
            id="one-id-again-after-a-call-that-nobody-answers",
        ),
        pytest.param(
            [call("c", "f"), call("c", "g"), output("c", "1"), output("c", "2"), output("c", "3")],
            [
                {"role": "assistant", "tool_calls": [called("c", "f"), called("c", "g")]},
                returned("c", "1"),
                returned("c", "2"),
                returned("c", "3"),
            ],
            id="one-id-for-parallel-calls",
        ),
        pytest.param(
            [call("c"), reasoning(**HM), call("d"), output("c", "1"), output("d", "2")],
            [
                {"role": "assistant", "tool_calls": [called("c")]},
                returned("c", "1"),
                {"role": "assistant", "reasoning": "Hm.", "tool_calls": [called("d")]},
                returned("d", "2"),
            ],
            id="thought-between-calls",
        ),
        pytest.param([USER, said("a"), said("b")], [ASKED, said("a"), said("b")], id="two-answers"),
        pytest.param(
            [said("a"), call("c"), said("b"), output("c", "1")],
            [said("a\nb", tool_calls=[called("c")]), returned("c", "1")],
            id="text-around-a-call",
        ),
        pytest.param([USER, reasoning(**HM)], [ASKED, said("", reasoning="Hm.")], id="cut-within-reasoning"),
        pytest.param([USER, reasoning(), said("a")], [ASKED, said("a")], id="reasoning-without-text"),
        pytest.param(
            [USER, reasoning(summary=[{"type": "summary_text", "text": "Short."}]), said("a")],
            [ASKED, said("a", reasoning="Short.")],
            id="summary",
        ),
        pytest.param(
            [
                USER,
                reasoning(encrypted_content="gAAAforeign", summary=[{"type": "summary_text", "text": "S."}]),
                said("a"),
            ],
            [ASKED, said("a", reasoning="S.")],
            id="reasoning-encrypted-by-others",
        ),
        pytest.param(
            [USER, reasoning(encrypted_content=SEALING.seal("Hm.")), said("a")],
            [ASKED, said("a", reasoning="Hm.")],
            id="reasoning-encrypted-here",
        ),
        pytest.param(
            [call("c"), output("c", [{"type": "input_text", "text": "1"}])],
            [{"role": "assistant", "tool_calls": [called("c")]}, returned("c", "1")],
            id="output-of-one-part",
        ),
        pytest.param(
            [call("c"), output("c", [{"type": "input_text", "text": "1"}, {"type": "input_image", "image_url": PNG}])],
            [
                {"role": "assistant", "tool_calls": [called("c")]},
                returned(
                    "c",
                    [
                        {"type": "text", "text": "1"},
                        {"type": "image_url", "image_url": {"url": PNG, "detail": "auto"}},
                    ],
                ),
            ],
            id="output-with-an-image",
        ),
        pytest.param(
            [
                {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
                {"type": "custom_tool_call_output", "call_id": "c", "output": "1"},
            ],
            [{"role": "assistant", "tool_calls": [called("c", "f", '{"input": "x"}')]}, returned("c", "1")],
            id="custom-call",
        ),
        pytest.param(
            [
                {"type": "local_shell_call", "id": "l", "action": {"type": "exec", "command": ["ls"], "env": {}}},
                {"type": "local_shell_call_output", "id": "l", "output": "a b"},
            ],
            [
                {"role": "assistant", "tool_calls": [called("call_1", "local_shell", '{"command": ["ls"]}')]},
                returned("call_1", "a b"),
            ],
            id="shell-call-known-by-its-id",
        ),
        pytest.param(
            [{"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "output": "1"}, said("a")],
            [{"role": "assistant", "tool_calls": [called("call_1", "s__f")]}, returned("call_1", "1"), said("a")],
            id="mcp-call",
        ),
        pytest.param(
            [{"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "error": "Down."}, said("a")],
            [{"role": "assistant", "tool_calls": [called("call_1", "s__f")]}, returned("call_1", "Down."), said("a")],
            id="mcp-call-that-failed",
        ),
        pytest.param(
            [
                {"type": "mcp_approval_request", "id": "a", "server_label": "s", "name": "f", "arguments": "{}"},
                {"type": "mcp_approval_response", "approval_request_id": "a", "approve": False, "reason": "No."},
            ],
            [
                {"role": "assistant", "tool_calls": [called("call_1", "s__f")]},
                returned("call_1", "The user has not allowed this call. No."),
            ],
            id="mcp-call-that-was-not-allowed",
        ),
        pytest.param(
            [
                {"type": "mcp_approval_request", "id": "a", "server_label": "s", "name": "f", "arguments": "{}"},
                {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
                {"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "output": "1"},
            ],
            [{"role": "assistant", "tool_calls": [called("call_1", "s__f")]}, returned("call_1", "1")],
            id="mcp-call-that-was-allowed",
        ),
        pytest.param(
            [
                {"type": "mcp_list_tools", "server_label": "s", "tools": []},
                USER,
                {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search"}},
                said("a"),
            ],
            [ASKED, said("a")],
            id="what-others-tools-did-is-not-told",
        ),
    ],
)
def test_a_conversation_becomes_messages(items: list[Any], expected: list[Any]) -> None:
    assert messages(*items) == expected


def test_instructions_come_first_and_are_not_those_of_the_response_before() -> None:
    context = [{"role": "system", "content": "s"}, USER, said("a")]
    told = messages(USER, context=context, instructions="i", previous_response_id="r")
    assert told == [{"role": "system", "content": "i\n\ns"}, ASKED, said("a"), ASKED]


def test_an_output_may_answer_a_call_of_the_response_before() -> None:
    told = messages(output("c", "1"), context=[USER, call("c")], previous_response_id="r")
    assert told == [ASKED, {"role": "assistant", "tool_calls": [called("c")]}, returned("c", "1")]


@pytest.mark.parametrize(
    ("items", "place", "words"),
    [
        pytest.param([USER, output("x", "1")], "input.1.call_id", 'not there: "x"', id="unknown-call"),
        pytest.param([output("c", "1"), call("c")], "input.0.call_id", 'not there: "c"', id="output-before-its-call"),
        pytest.param(
            [USER, {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}],
            "input.1.approval_request_id",
            'not there: "a"',
            id="answer-to-no-request",
        ),
        pytest.param([reasoning()], "input", "nothing that the model could read", id="nothing-to-read"),
        pytest.param(
            [{"type": "compaction", "encrypted_content": "gAAAforeign"}],
            "input.0.encrypted_content",
            "made by another server",
            id="compaction-of-others",
        ),
        pytest.param(
            [{"type": "compaction", "encrypted_content": SEALING.seal("Hm.")}],
            "input.0.encrypted_content",
            "made by another server",
            id="sealed-here-but-no-compaction",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused_by_its_place(items: list[Any], place: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        messages(*items)
    assert (caught.value.status, caught.value.param) == (400, place)
    assert words in caught.value.message
