"""Tools of Responses on a real model that says what the test wants: every kind, streamed and whole."""

import json
from typing import Any

import httpx
import pytest

from tests.scoring.responses.checking import check_events, check_response, read_events
from tests.scoring.served.test_tool_calls import tagged

PARAMETERS = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
SAY = {"type": "function", "name": "say", "parameters": PARAMETERS}
NOTE = {"type": "custom", "name": "note"}
SUMS = {
    "type": "custom", "name": "sums",
    "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]{2}\\+[0-9]"},
}  # fmt: skip
GREET = {
    "type": "custom", "name": "greet",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "hello " name\nname: "Ann" | "Bob"'},
}  # fmt: skip
UNKNOWN = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
CRM = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [{**SAY, "name": "find"}, NOTE]}
SHELL, LOCAL_SHELL, APPLY_PATCH = {"type": "shell"}, {"type": "local_shell"}, {"type": "apply_patch"}
ALL = [SAY, NOTE, SUMS, GREET, CRM, SHELL, LOCAL_SHELL, APPLY_PATCH]  # a long prompt, which takes its time on a CPU
SCHEMA = {
    "type": "object", "properties": {"answer": {"type": "integer"}},
    "required": ["answer"], "additionalProperties": False,
}  # fmt: skip
FORMAT = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}


def call(name: str, **arguments: Any) -> str:
    return tagged(json.dumps({"name": name, "arguments": arguments}))


def answered(url: str, **more: Any) -> dict[str, Any]:
    """Ask whole and as a stream, which must say the same; return the response, its items without ids."""
    body = {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "input": "go", "temperature": 0, "max_output_tokens": 150}
    body |= {"tools": [SAY, NOTE], **more}
    whole = httpx.post(f"{url}/v1/responses", json=body, timeout=120)
    assert whole.status_code == 200, whole.text
    check_response(whole.json())
    stream = httpx.post(f"{url}/v1/responses", json={**body, "stream": True}, timeout=120)
    last = check_events(read_events(stream.content))
    assert items_of(last) == items_of(whole.json())
    return {**last, "output": items_of(last)}


def items_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in item.items() if name not in ("id", "call_id")} for item in response["output"]
    ]


def said(url: str, text: str, **more: Any) -> dict[str, Any]:
    return answered(url, structured_outputs={"choice": [text]}, **more)


@pytest.mark.parametrize(
    ("tool", "text", "kind", "members"),
    [
        pytest.param(
            SAY, call("say", text="hi"), "function_call", {"name": "say", "arguments": '{"text": "hi"}'}, id="function"
        ),
        pytest.param(
            CRM, call("crm__find", text="x"), "function_call", {"name": "find", "namespace": "crm"}, id="namespace"
        ),
        pytest.param(
            NOTE, call("note", input='a\n"é'), "custom_tool_call", {"name": "note", "input": 'a\n"é'}, id="custom"
        ),
        pytest.param(
            CRM, call("crm__note", input="a"), "custom_tool_call", {"name": "note", "namespace": "crm", "input": "a"},
            id="custom-in-a-namespace",
        ),
        pytest.param(
            SUMS, call("sums", input="12+3"), "custom_tool_call", {"name": "sums", "input": "12+3"}, id="grammar"
        ),
        pytest.param(
            SHELL, call("shell", commands=["ls"], timeout_ms=5), "shell_call",
            {"action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None}}, id="shell",
        ),
        pytest.param(LOCAL_SHELL, call("local_shell", command=["ls"]), "local_shell_call", {}, id="local-shell"),
        pytest.param(
            APPLY_PATCH, call("apply_patch", type="create_file", path="a", diff="+a"), "apply_patch_call",
            {"operation": {"type": "create_file", "path": "a", "diff": "+a"}}, id="apply-patch",
        ),
        pytest.param(SAY, call("nobodys"), "function_call", {"name": "nobodys", "arguments": "{}"}, id="not-declared"),
    ],
)  # fmt: skip
def test_a_call_is_told_as_its_tool_was_declared(chat_url: str, tool: Any, text: str, kind: str, members: Any) -> None:
    response = said(chat_url, text, tools=[tool])
    (item,) = response["output"]
    assert (item["type"], item["status"], response["status"]) == (kind, "completed", "completed")
    assert {name: item[name] for name in members} == members


def test_an_input_always_follows_its_grammar(chat_url: str) -> None:
    text = "\n".join([call("greet", input="good evening"), call("say", text="a"), call("sums", input="one and two")])
    response = said(chat_url, text, tools=[SAY, SUMS, GREET], max_output_tokens=300)
    greeted, told, summed = response["output"]
    assert greeted["input"] in ("hello Ann", "hello Bob")
    assert told["arguments"] == '{"text": "a"}'
    assert len(summed["input"]) == 4
    assert int(summed["input"][:2]) + int(summed["input"][3]) >= 0
    assert response["status"] == "completed"


def test_max_output_tokens_holds_for_both_answers(chat_url: str) -> None:
    response = said(chat_url, call("sums", input="one and two"), tools=[SUMS], max_output_tokens=35)
    assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
    assert response["usage"]["output_tokens"] <= 35


@pytest.mark.parametrize(
    ("tools", "choice", "kind"),
    [
        pytest.param(ALL, "required", None, id="required"),
        pytest.param([SAY, NOTE], {"type": "function", "name": "say"}, "function_call", id="function"),
        pytest.param([CRM], {"type": "function", "name": "find", "namespace": "crm"}, "function_call", id="namespace"),
        pytest.param([SAY, NOTE], {"type": "custom", "name": "note"}, "custom_tool_call", id="custom"),
        pytest.param([SAY, SUMS], {"type": "custom", "name": "sums"}, "custom_tool_call", id="regex"),
        pytest.param([SAY, GREET], {"type": "custom", "name": "greet"}, "custom_tool_call", id="lark"),
        pytest.param([SAY, SHELL], {"type": "shell"}, "shell_call", id="shell"),
        pytest.param([SAY, LOCAL_SHELL], {"type": "local_shell"}, "local_shell_call", id="local-shell"),
        pytest.param([SAY, APPLY_PATCH], {"type": "apply_patch"}, "apply_patch_call", id="apply-patch"),
    ],
)
def test_a_call_can_be_forced(chat_url: str, tools: Any, choice: Any, kind: str | None) -> None:
    response = answered(chat_url, tools=tools, tool_choice=choice, max_output_tokens=60)
    assert response["output"]
    assert all(item["type"] == (kind or item["type"]) and item["type"].endswith("_call") for item in response["output"])


def test_only_allowed_tools_are_called(chat_url: str) -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "note"}]}
    response = answered(chat_url, tool_choice=allowed)
    assert {item.get("name") for item in response["output"]} == {"note"}
    assert response["tool_choice"] == allowed


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"parallel_tool_calls": False}, id="not-parallel"),
        pytest.param({"max_tool_calls": 1}, id="at-most-one"),
    ],
)
def test_one_call_is_told_of_two(chat_url: str, more: dict[str, Any]) -> None:
    response = said(chat_url, call("say", text="a") + "\n" + call("note", input="b"), **more)
    assert [item["type"] for item in response["output"]] == ["function_call"]


def test_a_call_that_is_cut_is_a_call(chat_url: str) -> None:
    response = said(chat_url, call("note", input="word " * 80), max_output_tokens=50)
    (item,) = response["output"]
    assert (item["type"], item["status"], response["status"]) == ("custom_tool_call", "incomplete", "incomplete")
    assert item["input"].startswith("word word")


@pytest.mark.parametrize("strict", [pytest.param(True, id="strict"), pytest.param(None, id="not-strict")])
@pytest.mark.parametrize("called", [pytest.param(True, id="call"), pytest.param(False, id="format")])
def test_a_format_leaves_calls_possible(chat_url: str, *, strict: bool | None, called: bool) -> None:
    first, example = ("<tool_call>", call("say", text="hi")) if called else ("{", '{"answer": 7}')
    items = [{"role": "system", "content": f"Always answer with {example}"}, {"role": "user", "content": first}]
    response = answered(chat_url, tools=[{**SAY, "strict": strict}], text=FORMAT, input=items)
    (item,) = response["output"]
    if called:
        assert (item["type"], item["name"]) == ("function_call", "say")
    else:
        assert list(json.loads(item["content"][0]["text"])) == ["answer"]


def test_every_call_and_output_can_be_said_again(chat_url: str) -> None:
    outcome = {"type": "exit", "exit_code": 0}
    items = [
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "c0", "name": "find", "namespace": "crm", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c0", "output": "none"},
        {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c1", "output": [{"stdout": "a", "stderr": "", "outcome": outcome}]},
        {
            "type": "apply_patch_call", "call_id": "c2", "status": "completed",
            "operation": {"type": "delete_file", "path": "x"},
        },
        {"type": "apply_patch_call_output", "call_id": "c2", "status": "failed"},
        {"type": "custom_tool_call", "call_id": "c3", "name": "note", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c3", "output": [{"type": "input_text", "text": "y"}]},
        {
            "type": "local_shell_call", "id": "l1", "call_id": "c4", "status": "completed",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
        },
        {"type": "local_shell_call_output", "id": "l1", "output": "{}"},
    ]  # fmt: skip
    assert said(chat_url, "ok", input=items)["output"][0]["content"][0]["text"] == "ok"


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        pytest.param({"type": "web_search"}, "tools.1.type", id="web-search"),
        pytest.param({"type": "code_interpreter", "container": {"type": "auto"}}, "tools.1.type", id="code"),
        pytest.param({"type": "hammer"}, "tools.1.type", id="unknown"),
        pytest.param(SAY, "tools.1", id="twice"),
        pytest.param({**GREET, "format": UNKNOWN}, "tools.1.format.definition", id="grammar"),
    ],
)
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
def test_what_is_not_served_is_refused_by_its_place(chat_url: str, tool: Any, param: str, *, stream: bool) -> None:
    body = {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "input": "go", "tools": [SAY, tool], "stream": stream}
    answer = httpx.post(f"{chat_url}/v1/responses", json=body, timeout=120)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert len(answer.content) < 600
