"""Responses that call the tools of a real MCP server: what is told, what the model is asked, what is kept."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from scoring.asgi import Message, Receive, Scope, Send, local_scope, never, read_body, replaying
from scoring.web.application import Application
from tests.scoring.responses.checking import check_events, check_response, read_events
from tests.scoring.responses.engines import Step, saying
from tests.scoring.responses.events.chats import call, ended, text, used
from tests.scoring.responses.mcp.mcp_server import RunningServer, running_server
from tests.scoring.resting import RestingEngine, served

ADD = [call(0, "sums__add", '{"a": 2, "b": 3}', "call_1"), ended("tool_calls"), used(9, 4)]
FAIL = [call(0, "sums__fail", "{}", "call_1"), ended("tool_calls"), used(9, 4)]
FIVE = [text("It is 5."), ended(), used(20, 4)]
SAY = {"type": "function", "name": "say"}
JSON = (b"content-type", b"application/json")


@pytest.fixture(scope="module")
def mcp_server() -> Iterator[RunningServer]:
    with running_server() as one:
        yield one


class Scripted(RestingEngine):
    """Answers chats by these chunks, one list after the other."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("generate")
        self.steps: list[Step] = [saying(chunks) for chunks in answers]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a chat."""
        self.asked.append(json.loads(await read_body(scope, receive, 1 << 30)))
        await self.steps.pop(0)(scope, receive, send)


def app_over(server: RunningServer, *answers: Any) -> tuple[Application, Scripted]:
    app, engine = served("generate", SCORING_MCP_HOSTS=server.url.split("/")[2]), Scripted(*answers)
    app.service.engines[0] = engine  # type: ignore[call-overload]
    return app, engine


def sums(server: RunningServer, **more: Any) -> dict[str, Any]:
    return {
        "type": "mcp", "server_label": "sums", "server_url": server.url, "require_approval": "never",
        "headers": {"x-team": "hush"}, **more,
    }  # fmt: skip


def respond(app: Application, **asked: Any) -> tuple[int, bytes]:
    body = json.dumps({"model": "a/model", "input": "go", **asked}).encode()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = local_scope("POST", "/v1/responses", body, headers={"content-type": "application/json"})
    asyncio.run(app(scope, replaying(body, never), send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def whole(app: Application, **asked: Any) -> dict[str, Any]:
    status, body = respond(app, **asked)
    assert status == 200, body
    response: dict[str, Any] = json.loads(body)
    check_response(response)
    return response


def test_a_call_is_made_and_the_model_goes_on(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE)
    status, body = respond(app, tools=[SAY, sums(mcp_server)], stream=True)
    assert status == 200, body
    events = read_events(body)
    response = check_events(events)
    listed, called, message = response["output"]
    assert [tool["name"] for tool in listed["tools"]] == ["add", "fail", "wait"]
    assert (called["type"], called["name"], called["server_label"]) == ("mcp_call", "add", "sums")
    assert (called["arguments"], called["output"], called["error"]) == ('{"a": 2, "b": 3}', "5", None)
    assert message["content"][0]["text"] == "It is 5."
    assert response["usage"]["output_tokens"] == 8
    kinds = [event["type"] for event in events]
    for kind in (
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "mcp_call.in_progress",
        "mcp_call.completed",
    ):
        assert kinds.count(f"response.{kind}") == 1
    assert "hush" not in body.decode()
    assert mcp_server.headers[-1]["x-team"] == "hush"
    first, second = engine.asked
    assert [tool["function"]["name"] for tool in first["tools"]] == ["say", "sums__add", "sums__fail", "sums__wait"]
    assert first["tool_choice"] == second["tool_choice"] == "auto"
    assert second["messages"][1]["tool_calls"][0]["function"]["name"] == "sums__add"
    assert second["messages"][2]["content"] == "5"


def test_the_next_turn_knows_the_tools_and_the_call(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE, FIVE)
    before = whole(app, tools=[sums(mcp_server)])
    asked = len(mcp_server.headers)
    response = whole(app, tools=[sums(mcp_server)], previous_response_id=before["id"], input="again")
    assert [item["type"] for item in response["output"]] == ["message"]
    assert len(mcp_server.headers) == asked
    messages = engine.asked[2]["messages"]
    assert messages[:3] == engine.asked[1]["messages"]
    assert [message["role"] for message in messages[3:]] == ["assistant", "user"]


def test_a_call_that_fails_is_told_to_the_model(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, FAIL, FIVE)
    _, called, _ = whole(app, tools=[sums(mcp_server)])["output"]
    assert (called["status"], called["output"], called["error"]) == ("failed", None, "Error executing tool fail")
    assert engine.asked[1]["messages"][2]["content"] == "Error executing tool fail"


def test_max_tool_calls_bounds_what_is_called(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE)
    whole(app, tools=[sums(mcp_server)], max_tool_calls=1, tool_choice="required")
    assert [asked["tool_choice"] for asked in engine.asked] == ["required", "none"]


def test_max_output_tokens_holds_for_all_answers(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE)
    whole(app, tools=[sums(mcp_server)], max_output_tokens=10)
    assert [asked["max_completion_tokens"] for asked in engine.asked] == [10, 6]
    app, engine = app_over(mcp_server, ADD)
    assert whole(app, tools=[sums(mcp_server)], max_output_tokens=4)["status"] == "incomplete"


@pytest.mark.parametrize("approve", [pytest.param(True, id="approved"), pytest.param(False, id="refused")])
def test_a_call_waits_for_approval(mcp_server: RunningServer, *, approve: bool) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE)
    tool = sums(mcp_server, require_approval="always")
    before = whole(app, tools=[tool])
    _, asked = before["output"]
    assert (asked["type"], asked["name"], asked["arguments"]) == ("mcp_approval_request", "add", '{"a": 2, "b": 3}')
    answer = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": approve, "reason": "no"}
    after = whole(app, tools=[tool], previous_response_id=before["id"], input=[answer])
    told = engine.asked[1]["messages"]
    assert told[1]["tool_calls"][0]["function"] == {"name": "sums__add", "arguments": '{"a": 2, "b": 3}'}
    if approve:
        called, message = after["output"]
        assert (called["type"], called["output"], called["approval_request_id"]) == ("mcp_call", "5", asked["id"])
        assert told[2]["content"] == "5"
    else:
        (message,) = after["output"]
        assert told[2]["content"] == "The user has not allowed this call. no"
    assert message["type"] == "message"


def test_an_approval_of_nothing_is_refused(mcp_server: RunningServer) -> None:
    app, _ = app_over(mcp_server)
    answer = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    status, body = respond(app, tools=[sums(mcp_server)], input=[{"role": "user", "content": "go"}, answer])
    assert (status, json.loads(body)["error"]["param"]) == (400, "input.1.approval_request_id")


def test_calls_of_the_clients_functions_end_the_response(mcp_server: RunningServer) -> None:
    both = [*ADD[:1], call(1, "say", "{}", "call_2"), *ADD[1:]]
    app, engine = app_over(mcp_server, both)
    output = whole(app, tools=[SAY, sums(mcp_server)])["output"]
    assert [item["type"] for item in output] == ["mcp_list_tools", "mcp_call", "function_call"]
    assert output[1]["output"] == "5"
    assert len(engine.asked) == 1


def test_a_server_that_is_down_is_told_in_its_list() -> None:
    down = RunningServer("http://127.0.0.1:9/mcp")
    app, engine = app_over(down, FIVE)
    listed, message = whole(app, tools=[SAY, sums(down)])["output"]
    assert (listed["tools"], listed["error"][:31]) == ([], "The MCP server has not answered")
    assert message["type"] == "message"
    assert [tool["function"]["name"] for tool in engine.asked[0]["tools"]] == ["say"]


def test_a_server_that_was_down_is_asked_again(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, FIVE)
    items = [
        {"type": "mcp_list_tools", "server_label": "sums", "tools": [], "error": "It was down."},
        {"role": "user", "content": "go"},
    ]
    assert whole(app, tools=[sums(mcp_server)], input=items)["output"][0]["type"] == "mcp_list_tools"
    assert len(engine.asked[0]["tools"]) == 3


def test_a_list_that_a_client_has_kept_is_used(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, FIVE)
    tool = {"name": "fail", "input_schema": {"type": "object"}}
    items = [{"type": "mcp_list_tools", "server_label": "sums", "tools": [tool]}, {"role": "user", "content": "go"}]
    assert [item["type"] for item in whole(app, tools=[sums(mcp_server)], input=items)["output"]] == ["message"]
    assert [one["function"]["name"] for one in engine.asked[0]["tools"]] == ["sums__fail"]


def test_one_tool_of_a_server_can_be_forced(mcp_server: RunningServer) -> None:
    app, engine = app_over(mcp_server, ADD, FIVE)
    choice = {"type": "mcp", "server_label": "sums", "name": "add"}
    response = whole(app, tools=[SAY, sums(mcp_server)], tool_choice=choice)
    assert response["tool_choice"] == choice
    assert [tool["function"]["name"] for tool in engine.asked[0]["tools"]] == ["sums__add"]
    assert [asked["tool_choice"] for asked in engine.asked] == ["required", "auto"]


@pytest.mark.parametrize(
    ("hosts", "place"),
    [
        pytest.param("", "tools.0.type", id="switched-off"),
        pytest.param("other.example", "tools.0.server_url", id="another-host"),
    ],
)
def test_no_other_server_is_asked(mcp_server: RunningServer, hosts: str, place: str) -> None:
    asked = len(mcp_server.headers)
    app = served("generate", SCORING_MCP_HOSTS=hosts)
    status, body = respond(app, tools=[sums(mcp_server)])
    error = json.loads(body)["error"]
    assert (status, error["param"]) == (400, place)
    assert "SCORING_MCP_HOSTS" in error["message"]
    assert len(mcp_server.headers) == asked
