"""A call under way: its events and its item are those of OpenAI's documents, whatever the pieces."""

import json
from typing import Any

import pytest
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent
from pydantic import TypeAdapter

from scoring.responses.tools.calls import CustomCall, Told
from scoring.responses.tools.replayed import call_in_chat
from scoring.responses.tools.tools import read_tools
from tests.scoring.responses.tools.test_tools import ALL

ITEMS = TypeAdapter(ResponseOutputItem)
EVENTS = TypeAdapter(ResponseStreamEvent)
DIFF = "@@\n-a\n+b\n"


def called(name: str, pieces: list[str], status: str = "completed") -> tuple[dict[str, Any], Told]:
    """Return item and events of a call; all of them are valid."""
    tools = read_tools({"tools": ALL})
    call = tools.begin_call(name, f"{tools.id_prefix(name)}_1", "call_1")
    ITEMS.validate_python(call.item, strict=True)
    assert call.item["status"] == "in_progress"
    told = [event for piece in pieces for event in call.feed(piece)]
    told += call.end(status)
    ITEMS.validate_python(call.item, strict=True)
    for number, (kind, members) in enumerate(told):
        event = {"type": kind, "sequence_number": number, "output_index": 0, "item_id": call.item["id"], **members}
        EVENTS.validate_python(event, strict=True)
    return call.item, told


LOCAL = {"type": "local"}
ROWS = [
    pytest.param(
        "say", {"text": "hi"},
        {"type": "function_call", "id": "fc_1", "name": "say", "arguments": '{"text": "hi"}'}, id="function",
    ),
    pytest.param(
        "crm__find", {},
        {"type": "function_call", "id": "fc_1", "name": "find", "namespace": "crm", "arguments": "{}"}, id="namespace",
    ),
    pytest.param(
        "nobodys", {}, {"type": "function_call", "id": "fc_1", "name": "nobodys", "arguments": "{}"}, id="not-declared"
    ),
    pytest.param(
        "note", {"input": "a\n😀"},
        {"type": "custom_tool_call", "id": "ctc_1", "name": "note", "input": "a\n😀"}, id="custom",
    ),
    pytest.param(
        "crm__note", {"input": ""},
        {"type": "custom_tool_call", "id": "ctc_1", "name": "note", "namespace": "crm", "input": ""},
        id="custom-in-a-namespace",
    ),
    pytest.param(
        "shell", {"commands": ["ls", "pwd"], "timeout_ms": 1000},
        {
            "type": "shell_call", "id": "sh_1", "environment": LOCAL,
            "action": {"commands": ["ls", "pwd"], "timeout_ms": 1000, "max_output_length": None},
        },
        id="shell",
    ),
    pytest.param(
        "local_shell", {"command": ["ls", "-l"], "env": {"A": "1"}, "working_directory": "src"},
        {
            "type": "local_shell_call", "id": "lsh_1",
            "action": {
                "type": "exec", "command": ["ls", "-l"], "env": {"A": "1"}, "working_directory": "src",
            },  # and no nulls, which the AI SDK refuses
        },
        id="local-shell",
    ),
    pytest.param(
        "apply_patch", {"type": "update_file", "path": "a.py", "diff": DIFF},
        {
            "type": "apply_patch_call", "id": "apc_1",
            "operation": {"type": "update_file", "path": "a.py", "diff": DIFF},
        },
        id="apply-patch",
    ),
    pytest.param(
        "apply_patch", {"type": "delete_file", "path": "a.py"},
        {"type": "apply_patch_call", "id": "apc_1", "operation": {"type": "delete_file", "path": "a.py"}},
        id="delete",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "item"), ROWS)
def test_a_call_is_told_in_the_form_it_was_declared(name: str, arguments: Any, item: dict[str, Any]) -> None:
    text = json.dumps(arguments, ensure_ascii=False)
    whole, _ = called(name, [text])
    by_letters, told = called(name, list(text))
    assert whole == by_letters == {**item, "call_id": "call_1", "status": "completed"}
    done = told[-1][1] if told else {}
    deltas = "".join(members["delta"] for kind, members in told if kind.endswith(".delta"))
    assert deltas == done.get("arguments", done.get("input", ""))


@pytest.mark.parametrize(("name", "arguments", "item"), ROWS)
def test_a_call_is_said_again_as_it_was_made(name: str, arguments: Any, item: dict[str, Any]) -> None:
    said, again = call_in_chat(item)
    assert (said, json.loads(again)) == (name, arguments)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param("say", "incomplete", id="function"),
        pytest.param("note", "incomplete", id="custom"),
        pytest.param("shell", "incomplete", id="shell"),
        pytest.param("local_shell", "incomplete", id="local-shell"),
        pytest.param("apply_patch", "in_progress", id="apply-patch"),
    ],
)
def test_a_call_that_is_cut_does_not_look_whole(name: str, status: str) -> None:
    item, _ = called(name, ['{"input": "rm -r'], "incomplete")
    assert item["status"] == status


@pytest.mark.parametrize(
    ("name", "arguments", "member", "value"),
    [
        pytest.param("shell", '{"commands": "ls"}', "commands", ["ls"], id="one-command"),
        pytest.param("shell", '{"command": ["ls"]}', "commands", ["ls"], id="another-name"),
        pytest.param("shell", '{"commands": [1, {"a": 2}]}', "commands", ["1", '{"a": 2}'], id="no-texts"),
        pytest.param("shell", "ls", "commands", [], id="no-object"),
        pytest.param("shell", '{"commands": [], "timeout_ms": "soon"}', "timeout_ms", None, id="no-number"),
        pytest.param("shell", '{"timeout_ms": NaN}', "timeout_ms", None, id="nan"),
        pytest.param("shell", '{"timeout_ms": -Infinity}', "timeout_ms", None, id="infinite"),
        pytest.param("shell", '{"timeout_ms": 1e999}', "timeout_ms", None, id="over-all-numbers"),
        pytest.param("shell", f'{{"timeout_ms": {10**400}}}', "timeout_ms", None, id="too-large"),
        pytest.param(
            "shell", r'{"commands": ["\ud83d", "\ud83d\ude00"]}', "commands", ["\ufffd", "😀"], id="half-a-pair"
        ),
        pytest.param("local_shell", r'{"env": {"\udc00": "\udc00"}}', "env", {"\ufffd": "\ufffd"}, id="half-in-env"),
        pytest.param("local_shell", '{"command": "ls -l"}', "command", ["bash", "-lc", "ls -l"], id="a-line"),
        pytest.param("local_shell", '{"command": [], "env": {"A": 1}}', "env", {"A": "1"}, id="environment"),
    ],
)
def test_sloppy_arguments_give_a_valid_item(name: str, arguments: str, member: str, value: Any) -> None:
    item, _ = called(name, [arguments])
    assert item["action"][member] == value


def test_a_patch_may_be_written_as_its_item_has_it() -> None:
    operation = {"type": "create_file", "path": "a", "diff": "+x"}
    item, _ = called("apply_patch", [json.dumps({"operation": operation})])
    assert item["operation"] == operation


def test_a_function_without_arguments_has_an_empty_object() -> None:
    item, told = called("say", [])
    assert item["arguments"] == "{}"
    assert [members.get("delta") for _, members in told] == ["{}", None]


def held(arguments: str) -> CustomCall:
    """A call of a tool that has a grammar, at the end of its arguments."""
    call = read_tools({"tools": ALL}).begin_call("sums", "ctc_1", "call_1")
    assert isinstance(call, CustomCall)
    assert [event for letter in arguments for event in call.feed(letter)] == []
    assert call.end("completed") == []
    assert call.waits
    return call


def test_an_input_that_follows_its_grammar_is_told_when_that_is_known() -> None:
    call = held('{"input": "1+2"}')
    assert call.fits()
    assert call.accept() == [
        ("response.custom_tool_call_input.delta", {"delta": "1+2"}),
        ("response.custom_tool_call_input.done", {"input": "1+2"}),
    ]
    assert (call.waits, call.item["status"], call.item["input"]) == (False, "completed", "1+2")


def test_an_input_that_does_not_is_written_again_under_it() -> None:
    call = held('{"input": "one and two"}')
    assert not call.fits()
    attempt, told = call.attempt()
    assert json.loads(attempt["tool_calls"][0]["function"]["arguments"]) == {"input": "one and two"}
    assert told["tool_call_id"] == attempt["tool_calls"][0]["id"] == "call_1"
    assert call.write_again()["structured_outputs"] == {"regex": "[0-9+]+"}
    assert call.feed("1+") == [("response.custom_tool_call_input.delta", {"delta": "1+"})]
    call.feed("2")
    assert call.end("completed") == [("response.custom_tool_call_input.done", {"input": "1+2"})]
    assert (call.waits, call.item["input"]) == (False, "1+2")


def test_an_input_that_is_cut_waits_for_nothing() -> None:
    call = read_tools({"tools": ALL}).begin_call("sums", "ctc_1", "call_1")
    call.feed('{"input": "1+')
    call.end("incomplete")
    assert (call.waits, call.item["status"], call.item["input"]) == (False, "incomplete", "1+")


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in ("say", "note", "shell", "apply_patch")])
def test_other_calls_do_not_wait(name: str) -> None:
    call = read_tools({"tools": ALL}).begin_call(name, "fc_1", "call_1")
    call.feed("what")
    call.end("completed")
    assert not call.waits
