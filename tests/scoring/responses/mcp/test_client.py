"""What MCP servers are asked, and what they return, from a real server."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from scoring.responses.mcp import client
from scoring.responses.mcp.client import RemoteFault, call_tool, list_tools
from scoring.responses.tools.servers import Server, read_server
from tests.scoring.responses.mcp.mcp_server import RunningServer, running_server

SECRET = "hush-hush-hush"


@pytest.fixture(scope="module")
def mcp_server() -> Iterator[RunningServer]:
    with running_server() as one:
        yield one


def server_at(url: str, **more: Any) -> Server:
    return read_server({"type": "mcp", "server_label": "sums", "server_url": url, **more}, "tools.0")


def test_its_tools_are_listed(mcp_server: RunningServer) -> None:
    tools = {tool["name"]: tool for tool in asyncio.run(list_tools(server_at(mcp_server.url)))}
    assert set(tools) == {"add", "fail", "wait"}
    assert tools["add"]["description"] == "Adds two numbers."
    assert tools["add"]["input_schema"]["required"] == ["a", "b"]
    assert tools["add"]["annotations"]["readOnlyHint"] is True


def test_a_call_returns_text(mcp_server: RunningServer) -> None:
    assert asyncio.run(call_tool(server_at(mcp_server.url), "add", '{"a": 2, "b": 3}')) == "5"


def test_secrets_are_sent_to_the_server_alone(mcp_server: RunningServer) -> None:
    server = server_at(mcp_server.url + "?key=" + SECRET, headers={"X-Team": SECRET}, authorization=SECRET)
    asyncio.run(list_tools(server))
    assert mcp_server.headers[-1]["x-team"] == SECRET
    assert mcp_server.headers[-1]["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in repr(server)
    assert SECRET not in str(server.said)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        pytest.param("fail", "{}", "Error executing tool fail", id="tool-fails"),
        pytest.param("add", '{"a": "x"}', "2 validation errors", id="wrong-arguments"),
        pytest.param("add", "{", "no JSON object", id="no-json"),
        pytest.param("add", "[1]", "no JSON object", id="no-object"),
        pytest.param("nothing", "{}", "Unknown tool", id="no-such-tool"),
    ],
)
def test_a_call_that_fails_says_why(mcp_server: RunningServer, name: str, arguments: str, words: str) -> None:
    with pytest.raises(RemoteFault, match=words):
        asyncio.run(call_tool(server_at(mcp_server.url), name, arguments))


def test_a_server_that_is_down_is_told_without_its_address() -> None:
    with pytest.raises(RemoteFault) as caught:
        asyncio.run(list_tools(server_at(f"http://127.0.0.1:9/mcp?key={SECRET}")))
    assert "has not answered" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_call_does_not_take_for_ever(mcp_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.5)
    with pytest.raises(RemoteFault, match=r"within 0\.5 seconds"):
        asyncio.run(call_tool(server_at(mcp_server.url), "wait", "{}"))
