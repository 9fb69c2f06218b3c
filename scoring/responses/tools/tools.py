"""The tools of one request: as declared, as chat functions, and how a call of one becomes an item."""

from dataclasses import dataclass, field
from typing import Any

from scoring.responses.tools.calls import KINDS, Call, CustomCall, written_under
from scoring.responses.tools.choice import Choice, read_choice
from scoring.responses.tools.declared import read_tool
from scoring.responses.tools.hosted import invalid
from scoring.responses.tools.offered import Offered
from scoring.responses.tools.remote_calls import ApprovalRequest, RemoteCall
from scoring.responses.tools.servers import Server, read_server

CALLS: dict[str, type[Call]] = {**KINDS, "mcp": RemoteCall, "mcp_approval": ApprovalRequest}


@dataclass
class Tools:
    """What a request declares; `chat` are the members that the chat request gets."""

    declared: list[dict[str, Any]] = field(default_factory=list)
    choice: Any = "auto"
    parallel: bool = True
    most_calls: int | None = None  # `max_tool_calls`: calls of this response beyond it are not told
    chat: dict[str, Any] = field(default_factory=dict)
    by_name: dict[str, Offered] = field(default_factory=dict)  # what the model is offered, by the name that it says
    servers: list[Server] = field(default_factory=list)  # MCP servers, whose tools are known when they are asked
    remote: list[tuple[str, str | None]] | None = None  # which of them are allowed, by label and name; None: all
    forced: dict[str, Any] = field(default_factory=dict)  # of `chat`: whether a tool must be called
    into: Offered | None = None  # the custom tool whose input the answer's text is

    def said(self) -> dict[str, Any]:
        """Return what the response object repeats."""
        return {
            "tools": self.declared,
            "tool_choice": self.choice,
            "parallel_tool_calls": self.parallel,
            "max_tool_calls": self.most_calls,
        }

    def id_prefix(self, name: str) -> str:
        """Return what the id of an item begins with that is a call of this function."""
        return CALLS[self._offered(name).kind].PREFIX

    def begin_call(self, name: str, item_id: str, call_id: str) -> Call:
        """Return a call that the model has begun; a name that nobody has declared is a plain function's."""
        offered = self._offered(name)
        return CALLS[offered.kind](offered, item_id, call_id)

    def text_call(self, item_id: str, call_id: str) -> Call | None:
        """Return the call whose input the answer's text is, where `tool_choice` has a grammar make it; `ctc` ids."""
        if self.into is None:
            return None
        call = CustomCall(self.into, item_id, call_id)
        call.write_again()
        return call

    def _offered(self, name: str) -> Offered:
        return self.by_name.get(name) or Offered(name, "function", {}, {"name": name})


def read_tools(given: dict[str, Any]) -> Tools:
    """Read the members of a request that are about tools; none is null. Raises `Problem` (400)."""
    declared, offered, servers = _declared(given.get("tools", []))
    choice = read_choice(given.get("tool_choice", "auto"), offered, [server.label for server in servers])
    parallel, most = given.get("parallel_tool_calls", True), given.get("max_tool_calls")
    tools = Tools(declared, choice.said, parallel, most, by_name={one.name: one for one in offered})
    tools.servers, tools.remote, tools.forced = servers, choice.remote, _forced(choice)
    if choice.offered:
        bound = "structured_outputs" in given  # by the client itself: vLLM does not take both
        tools.chat = {"tools": [one.chat(strict=not bound) for one in choice.offered], **tools.forced}
        if not parallel:
            tools.chat["parallel_tool_calls"] = False
    if isinstance(choice.mode, Offered) and choice.mode.grammar:
        tools.into = choice.mode
    return tools


def _declared(given: Any) -> tuple[list[dict[str, Any]], list[Offered], list[Server]]:
    if not isinstance(given, list):
        raise invalid("tools", "must be a list")
    declared: list[dict[str, Any]] = []
    offered: dict[str, Offered] = {}
    servers: dict[str, Server] = {}
    for number, tool in enumerate(given):
        where = f"tools.{number}"
        if isinstance(tool, dict) and tool.get("type") == "mcp":
            server = read_server(tool, where)
            if server.label in servers:
                raise invalid(f"{where}.server_label", "is that of a server before it: rename one")
            servers[server.label] = server
            declared.append(server.said)
            continue
        said, offers = read_tool(tool, where)
        declared.append(said)
        for one in offers:
            if one.name in offered:
                raise invalid(where, f"is offered as {one.name!r:.140}, as a tool before it is: rename one")
            offered[one.name] = one
    return declared, list(offered.values()), list(servers.values())


def _forced(choice: Choice) -> dict[str, Any]:
    """Return the chat request's members that say whether a tool must be called."""
    if isinstance(choice.mode, str):
        return {"tool_choice": choice.mode}
    if choice.mode.grammar:
        return written_under(choice.mode.grammar)
    return {"tool_choice": {"type": "function", "function": {"name": choice.mode.name}}}
