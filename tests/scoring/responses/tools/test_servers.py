"""MCP servers as requests declare them."""

from typing import Any

import pytest

from scoring.problems import Problem
from scoring.responses.mcp.hosts import check_hosts
from scoring.responses.tools.servers import read_server
from scoring.responses.tools.tools import read_tools
from tests.scoring.responses.tools.test_tools import OPENAIS, SAY

DOCS = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp"}
SEARCH = {"name": "search", "input_schema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
DELETE = {"name": "delete", "input_schema": {"type": "object"}, "annotations": None}


@pytest.mark.parametrize(
    ("more", "place"),
    [
        pytest.param({"server_label": None}, "tools.0.server_label", id="no-label"),
        pytest.param({"server_url": None}, "tools.0.server_url", id="no-address"),
        pytest.param({"server_url": "file:///etc/passwd"}, "tools.0.server_url", id="file"),
        pytest.param({"server_url": "https://me:pass@docs.example/"}, "tools.0.server_url", id="user"),
        pytest.param({"server_url": "https://docs.example:x/"}, "tools.0.server_url", id="port"),
        pytest.param({"connector_id": "connector_gmail"}, "tools.0.connector_id", id="connector"),
        pytest.param({"headers": {"a": "b\r\nc: d"}}, "tools.0.headers", id="header-of-two-lines"),
        pytest.param({"headers": {"Host": "other"}}, "tools.0.headers", id="host"),
        pytest.param({"headers": []}, "tools.0.headers", id="no-headers"),
        pytest.param({"authorization": 7}, "tools.0.authorization", id="authorization"),
        pytest.param({"allowed_tools": [7]}, "tools.0.allowed_tools", id="allowed"),
        pytest.param({"server_description": 7}, "tools.0.server_description", id="description"),
        pytest.param({"require_approval": "maybe"}, "tools.0.require_approval", id="approval"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(more: dict[str, Any], place: str) -> None:
    with pytest.raises(Problem) as caught:
        read_tools({"tools": [{**DOCS, **more}]})
    assert (caught.value.status, caught.value.param) == (400, place)


def test_a_label_stands_for_one_server() -> None:
    with pytest.raises(Problem) as caught:
        read_tools({"tools": [DOCS, DOCS]})
    assert caught.value.param == "tools.1.server_label"


def test_what_is_told_back_holds_no_secrets() -> None:
    given = {
        **DOCS,
        "server_url": "https://docs.example/mcp?key=hush",
        "headers": {"a": "hush"},
        "authorization": "hush",
    }
    (said,) = read_tools({"tools": [given]}).said()["tools"]
    assert said == {**DOCS, "require_approval": "always"}
    OPENAIS.validate_python([said], strict=True)


@pytest.mark.parametrize(
    ("url", "hosts", "place"),
    [
        pytest.param("https://docs.example/mcp", "docs.example", None, id="named"),
        pytest.param("https://DOCS.example:443/mcp", "docs.example", None, id="its-own-port"),
        pytest.param("http://docs.example:8000/mcp", "docs.example:8000", None, id="named-with-its-port"),
        pytest.param("https://docs.example:8000/mcp", "docs.example", "tools.0.server_url", id="another-port"),
        pytest.param("https://other.example/mcp", "docs.example", "tools.0.server_url", id="another-host"),
        pytest.param("https://docs.example.evil/mcp", "docs.example", "tools.0.server_url", id="longer-name"),
        pytest.param("https://docs.example/mcp", "", "tools.0.type", id="switched-off"),
    ],
)
def test_only_servers_that_the_setting_names_are_asked(url: str, hosts: str, place: str | None) -> None:
    server = read_server({**DOCS, "server_url": url}, "tools.0")
    if place is None:
        check_hosts([server], frozenset(hosts.split()))
        return
    with pytest.raises(Problem, match="SCORING_MCP_HOSTS") as caught:
        check_hosts([server], frozenset(hosts.split()))
    assert caught.value.param == place


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        pytest.param({}, ["mcp_approval", "mcp_approval"], id="all-by-default"),
        pytest.param({"require_approval": "never"}, ["mcp", "mcp"], id="never"),
        pytest.param(
            {"require_approval": {"never": {"tool_names": ["search"]}}}, ["mcp", "mcp_approval"], id="by-name"
        ),
        pytest.param({"require_approval": {"always": {"read_only": False}}}, ["mcp", "mcp_approval"], id="by-hint"),
        pytest.param({"allowed_tools": ["search"]}, ["mcp_approval", None], id="allowed-names"),
        pytest.param({"allowed_tools": {"read_only": True}}, ["mcp_approval", None], id="allowed-hint"),
    ],
)
def test_which_tools_are_offered_and_which_are_asked_about(more: dict[str, Any], kinds: list[str | None]) -> None:
    server = read_server({**DOCS, "server_description": "All books.", **more}, "tools.0")
    offers = [server.offer(tool) for tool in (SEARCH, DELETE)]
    assert [one and one.kind for one in offers] == kinds
    assert offers[0] is not None
    assert offers[0].function == {"name": "docs__search", "parameters": {"type": "object"}, "description": "All books."}


@pytest.mark.parametrize(
    ("choice", "remote"),
    [
        pytest.param("required", None, id="required"),
        pytest.param({"type": "mcp", "server_label": "docs"}, [("docs", None)], id="server"),
        pytest.param({"type": "mcp", "server_label": "docs", "name": "search"}, [("docs", "search")], id="tool"),
        pytest.param(
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "docs"}]},
            [("docs", None)],
            id="allowed",
        ),
        pytest.param(
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "say"}]},
            [],
            id="not-allowed",
        ),
    ],
)
def test_choices_among_servers(choice: Any, remote: Any) -> None:
    assert read_tools({"tools": [SAY, DOCS], "tool_choice": choice}).remote == remote


def test_a_choice_of_an_unknown_server_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        read_tools({"tools": [DOCS], "tool_choice": {"type": "mcp", "server_label": "other"}})
    assert caught.value.param == "tool_choice.server_label"
