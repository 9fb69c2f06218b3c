"""Items as clients send them: each becomes the one form that is kept, or is refused by its place."""

import base64
from typing import Any

import pytest

from scoring.problems import Problem
from scoring.responses.request.items import read_items

TEXT = {"type": "input_text", "text": "a"}
SAID = {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}
PNG = "data:image/png;base64,iVBORw0KGgo="
NOTES = base64.b64encode(b"Notes.").decode()
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
ENDED = {**CALL, "status": "completed"}


def kept(item: Any) -> dict[str, Any]:
    """Return an item as it is kept, without the id that was made for it."""
    (found,) = read_items([item])
    if not (isinstance(item, dict) and item.get("id")):
        assert found.pop("id")
    return found


def content_of(role: str, content: Any) -> Any:
    return kept({"role": role, "content": content})["content"]


@pytest.mark.parametrize(
    ("role", "content", "parts"),
    [
        pytest.param("user", "a", [TEXT], id="text"),
        pytest.param("user", "", [{"type": "input_text", "text": ""}], id="empty-text"),
        pytest.param("user", [], [], id="no-parts"),
        pytest.param("assistant", [], [], id="assistant-without-parts"),
        pytest.param("assistant", None, [], id="null"),
        pytest.param("user", [TEXT, TEXT], [TEXT, TEXT], id="several-texts"),
        pytest.param("user", ["a"], [TEXT], id="bare-text"),
        pytest.param("user", [{"text": "a"}], [TEXT], id="part-without-type"),
        pytest.param("user", [{"type": "text", "text": "a"}], [TEXT], id="part-of-chat"),
        pytest.param("user", [SAID], [TEXT], id="output-text-of-a-user"),
        pytest.param("assistant", [TEXT], [SAID], id="input-text-of-an-assistant"),
        pytest.param("assistant", "a", [SAID], id="assistant-text"),
        pytest.param("assistant", [{**SAID, "annotations": None, "logprobs": None}], [SAID], id="null-annotations"),
        pytest.param(
            "assistant",
            [{"type": "refusal", "refusal": "No."}, SAID],
            [{"type": "refusal", "refusal": "No."}, SAID],
            id="refusal",
        ),
        pytest.param("developer", "a", [TEXT], id="developer"),
        pytest.param("system", "a", [TEXT], id="system"),
        pytest.param(
            "user",
            [{"type": "input_image", "image_url": PNG, "detail": None, "file_id": None}],
            [{"type": "input_image", "image_url": PNG, "detail": "auto"}],
            id="image",
        ),
        pytest.param(
            "user",
            [{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}],
            [{"type": "input_image", "image_url": PNG, "detail": "low"}],
            id="image-of-chat",
        ),
        pytest.param(
            "user",
            [{"type": "input_file", "filename": "n.txt", "file_data": NOTES}],
            [{"type": "input_file", "filename": "n.txt", "file_data": NOTES}],
            id="file",
        ),
        pytest.param(
            "user",
            [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
            [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
            id="audio",
        ),
        pytest.param(
            "user",
            [{"type": "input_video", "video_url": "https://a/b.mp4"}],
            [{"type": "input_video", "video_url": "https://a/b.mp4"}],
            id="video",
        ),
    ],
)
def test_content_becomes_parts(role: str, content: Any, parts: list[Any]) -> None:
    assert content_of(role, content) == parts


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(
            {"role": "user", "content": "a"},
            {"type": "message", "status": "completed", "role": "user", "content": [TEXT]},
            id="message-without-anything",
        ),
        pytest.param(
            {"type": None, "id": None, "status": None, "role": "assistant", "content": [SAID], "phase": "commentary"},
            {"type": "message", "status": "completed", "role": "assistant", "content": [SAID], "phase": "commentary"},
            id="message-of-nulls",
        ),
        pytest.param(
            {"type": "message", "id": "msg_1", "status": "incomplete", "role": "assistant", "content": [SAID]},
            {"type": "message", "id": "msg_1", "status": "incomplete", "role": "assistant", "content": [SAID]},
            id="message-with-all",
        ),
        pytest.param({**CALL, "status": None}, ENDED, id="call"),
        pytest.param({**CALL, "arguments": {"a": "ä"}}, {**ENDED, "arguments": '{"a": "ä"}'}, id="object"),
        pytest.param({**CALL, "arguments": None}, {**ENDED, "arguments": "{}"}, id="no-arguments"),
        pytest.param({"call_id": "c", "name": "f", "arguments": "{}"}, ENDED, id="call-without-type"),
        pytest.param(
            {"type": "function_call_output", "call_id": "c", "output": [TEXT], "id": None},
            {"type": "function_call_output", "call_id": "c", "output": [TEXT], "status": "completed"},
            id="output-as-parts",
        ),
        pytest.param(
            {"call_id": "c", "output": None, "type": "function_call_output"},
            {"type": "function_call_output", "call_id": "c", "output": "", "status": "completed"},
            id="output-of-nothing",
        ),
        pytest.param(
            {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "foreign", "status": None},
            {"type": "reasoning", "summary": [], "encrypted_content": "foreign"},
            id="reasoning-of-others",
        ),
        pytest.param(
            {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
            id="reasoning-without-summary",
        ),
        pytest.param(
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x", "status": "completed"},
            id="custom-call",
        ),
        pytest.param({"id": "msg_1"}, {"type": "item_reference", "id": "msg_1"}, id="reference-without-type"),
        pytest.param({"type": "", "id": "msg_1"}, {"type": "item_reference", "id": "msg_1"}, id="empty-type"),
        pytest.param(
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "a"},
            },
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "a"},
            },
            id="hosted",
        ),
    ],
)
def test_an_item_is_kept_in_one_form(item: dict[str, Any], expected: dict[str, Any]) -> None:
    found = kept(item)
    assert found == expected
    assert kept(found) == expected


def test_a_call_without_call_id_is_known_by_its_id() -> None:
    item = {"type": "local_shell_call", "id": "lsh_1", "action": {"type": "exec", "command": ["ls"]}}
    assert kept(item)["call_id"] == "lsh_1"


@pytest.mark.parametrize(
    ("item", "place", "words"),
    [
        pytest.param("a", "input.0", 'an item (an object); "a" was given', id="text"),
        pytest.param({}, "input.0", "no type", id="empty"),
        pytest.param({"type": "nope"}, "input.0.type", '"nope"', id="type"),
        pytest.param({"type": 5}, "input.0.type", "5", id="type-number"),
        pytest.param({"type": {}, "role": "user", "content": "a"}, "input.0.type", "an object", id="type-object"),
        pytest.param({"type": False, "role": "user", "content": "a"}, "input.0.type", "false", id="type-false"),
        pytest.param({"type": "message", "content": "a"}, "input.0.role", "user, assistant, system", id="no-role"),
        pytest.param({"role": "king", "content": "a"}, "input.0.role", '"king" was given', id="role"),
        pytest.param({"role": "tool", "content": "a"}, "input.0.role", "function_call_output", id="tool"),
        pytest.param(
            {"role": "assistant", "content": "", "tool_calls": [{}]}, "input.0.tool_calls", "function_call", id="chat"
        ),
        pytest.param({"role": "user", "content": 5}, "input.0.content", "5 was given", id="content"),
        pytest.param({"role": "user", "content": [5]}, "input.0.content.0", "a part", id="part"),
        pytest.param({"role": "user", "content": [{}]}, "input.0.content.0.type", "missing", id="part-without-type"),
        pytest.param(
            {"role": "user", "content": [TEXT, {"type": "smell"}]}, "input.0.content.1.type", '"smell"', id="part-type"
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_text"}]}, "input.0.content.0.text", "missing", id="no-text"
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_text", "text": 5}]}, "input.0.content.0.text", "5", id="text-5"
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]},
            "input.0.content.0.file_id",
            "no files are kept here; send image_url",
            id="image-by-id",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_image"}]},
            "input.0.content.0.image_url",
            "missing",
            id="no-image",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "fine"}]},
            "input.0.content.0.detail",
            '"fine" was given',
            id="detail",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_file", "file_url": "https://a/b.pdf"}]},
            "input.0.content.0.file_url",
            "not fetched here",
            id="file-by-url",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0A"}]},
            "input.0.content.0.file_data",
            "is no text",
            id="file-that-is-no-text",
        ),
        pytest.param({**CALL, "name": None}, "input.0.name", "missing", id="call-without-name"),
        pytest.param({**CALL, "name": ""}, "input.0.name", "it is empty", id="call-with-empty-name"),
        pytest.param({**CALL, "arguments": 5}, "input.0.arguments", "a text of JSON", id="arguments"),
        pytest.param({"type": "function_call_output", "output": ""}, "input.0.call_id", "missing", id="no-call-id"),
        pytest.param(
            {"type": "function_call_output", "call_id": "c", "output": {}}, "input.0.output", "an object", id="output"
        ),
        pytest.param(
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "x"}]},
            "input.0.output.0.type",
            '"x" was given',
            id="output-part",
        ),
        pytest.param({"role": "user", "content": "a", "id": 5}, "input.0.id", "5 was given", id="id"),
        pytest.param({"role": "user", "content": "a", "status": "odd"}, "input.0.status", '"odd"', id="status"),
        pytest.param({"type": "reasoning", "summary": [5]}, "input.0.summary.0", "an object", id="summary"),
        pytest.param(
            {"type": "reasoning", "encrypted_content": {}}, "input.0.encrypted_content", "a text", id="encrypted"
        ),
        pytest.param({"type": "shell_call", "call_id": "c"}, "input.0.action", "missing", id="shell-call"),
        pytest.param(
            {"type": "shell_call", "call_id": "c", "action": {"commands": "ls"}},
            "input.0.action.commands",
            "a list of texts",
            id="commands",
        ),
        pytest.param(
            {"type": "shell_call_output", "call_id": "c", "output": [5]},
            "input.0.output.0",
            "an object",
            id="shell-output",
        ),
        pytest.param(
            {"type": "apply_patch_call", "call_id": "c", "operation": {}},
            "input.0.operation.type",
            "missing",
            id="patch",
        ),
        pytest.param(
            {"type": "mcp_list_tools", "server_label": "s"}, "input.0.tools", "missing", id="no-list-of-tools"
        ),
        pytest.param(
            {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "f", "input_schema": []}]},
            "input.0.tools.0.input_schema",
            "a list of 0 was given",
            id="schema-of-a-listed-tool",
        ),
        pytest.param({"type": "compaction"}, "input.0.encrypted_content", "missing", id="compaction"),
        pytest.param({"type": "compaction_trigger"}, "input.0.type", "/v1/responses/compact", id="compaction-trigger"),
        pytest.param(
            {"type": "additional_tools", "tools": []}, "input.0.type", "send the tools", id="additional-tools"
        ),
        pytest.param({"type": "x" * 100_000}, "input.0.type", "…", id="nobody-wants-it-back"),
    ],
)
def test_a_refusal_names_the_place(item: Any, place: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        read_items([item])
    problem = caught.value
    assert (problem.status, problem.param, problem.kind) == (400, place, "invalid_request_error")
    assert words in problem.message
    assert "\n" not in problem.message
    assert len(problem.message) < 300


def test_ids_of_clients_are_kept_even_twice() -> None:
    item = {"id": "mine", "role": "user", "content": "a"}
    assert [item["id"] for item in read_items([item, item])] == ["mine", "mine"]
