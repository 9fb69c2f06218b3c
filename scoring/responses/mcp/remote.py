"""The MCP servers of one response: their tools are listed before its first answer, their calls made after each."""

from collections.abc import Awaitable, Callable
from typing import Any

from scoring.problems import Problem
from scoring.responses.events.machine import Machine
from scoring.responses.events.writing import Event
from scoring.responses.mcp.client import RemoteFault, call_tool, list_tools
from scoring.responses.tools.hosted import invalid
from scoring.responses.tools.offered import Offered
from scoring.responses.tools.remote_calls import RemoteCall
from scoring.responses.tools.servers import Server, Tool
from scoring.responses.tools.tools import Tools

Item = dict[str, Any]
Tell = Callable[[list[Event]], Awaitable[None]]
LISTED, CALLED, ASKED, APPROVED = "mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"


class Remote:
    """What is asked of MCP servers for one response; `items` are those of its conversation, its own input last."""

    def __init__(self, tools: Tools, items: list[Item]) -> None:
        self._tools = tools
        self._servers = {server.label: server for server in tools.servers}
        self._listed = {
            item["server_label"]: item.get("tools", [])
            for item in items
            if item["type"] == LISTED and not item.get("error")
        }
        self._approved = list(_approved(items, self._servers))

    async def begin(self, machine: Machine, tell: Tell) -> bool:
        """List the tools that are not known yet, and make the calls that were approved; tell whether there were any."""
        for label, server in self._servers.items():
            tools = self._listed.get(label)
            self._offer(server, await self._list(server, machine, tell) if tools is None else tools)
        for asked in self._approved:
            await self._make_approved(asked, machine, tell)
        return bool(self._approved)

    def functions(self) -> list[Offered]:
        """Return the tools of all servers that `tool_choice` allows."""
        return [one for one in self._tools.by_name.values() if one.kind.startswith("mcp") and self._allows(one)]

    async def make(self, call: RemoteCall, machine: Machine, tell: Tell) -> None:
        """Make a call that waits, and end its item."""
        output = error = None
        try:
            server = self._servers[call.item["server_label"]]
            output = await call_tool(server, call.item["name"], call.item["arguments"])
        except RemoteFault as fault:
            error = str(fault)
        await tell([*machine.tell(call.item, call.returned(output, error)), *machine.done(call.item)])

    async def _list(self, server: Server, machine: Machine, tell: Tell) -> list[Tool]:
        item: Item = {
            "type": LISTED, "id": machine.new_id("mcpl"), "server_label": server.label, "tools": [], "error": None,
        }  # fmt: skip
        await tell([*machine.add(item), *machine.tell(item, [("response.mcp_list_tools.in_progress", {})])])
        ended = "completed"
        try:
            item["tools"] = await list_tools(server)
        except RemoteFault as fault:
            item["error"], ended = str(fault), "failed"
        await tell([*machine.tell(item, [(f"response.mcp_list_tools.{ended}", {})]), *machine.done(item)])
        tools: list[Tool] = item["tools"]
        return tools

    def _offer(self, server: Server, tools: list[Tool]) -> None:
        for tool in tools:
            one = server.offer(tool)
            if one is None:
                continue
            if one.name in self._tools.by_name:
                raise Problem(400, f"Two tools are offered as {one.name[:140]!r}: rename the server's label.")
            self._tools.by_name[one.name] = one

    def _allows(self, one: Offered) -> bool:
        label, name = one.declared["server_label"], one.declared["name"]
        allowed = self._tools.remote
        return allowed is None or (label, None) in allowed or (label, name) in allowed

    async def _make_approved(self, asked: Item, machine: Machine, tell: Tell) -> None:
        declared = {"name": asked["name"], "server_label": asked["server_label"]}
        call = RemoteCall(Offered(asked["name"], "mcp", {}, declared), machine.new_id("mcp"), "", asked["id"])
        events = machine.add(call.item)
        await tell([*events, *machine.tell(call.item, [*call.feed(asked["arguments"]), *call.end("completed")])])
        await self.make(call, machine, tell)


def _approved(items: list[Item], servers: dict[str, Server]) -> list[Item]:
    """Return the calls that the last items approve. Raises `Problem` (400) for one that nobody has asked about."""
    asked = {item["id"]: item for item in items if item["type"] == ASKED}
    made = {item.get("approval_request_id") for item in items if item["type"] == CALLED}
    found: list[Item] = []
    for number, item in enumerate(items):
        if item["type"] != APPROVED or item["approval_request_id"] in made:
            continue
        request = asked.get(item["approval_request_id"])
        if request is None or request["server_label"] not in servers:
            raise invalid(f"input.{number}.approval_request_id", "names no request for approval of a server in tools")
        if item["approve"]:
            found.append(request)
    return found
