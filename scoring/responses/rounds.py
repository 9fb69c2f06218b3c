"""The chat requests of one response: the first, and those that follow while calls wait for their results."""

import asyncio
from collections.abc import Callable
from typing import Any

from scoring.responses.events.machine import Machine
from scoring.responses.generation import Rounds, Sink
from scoring.responses.mcp.hosts import check_hosts
from scoring.responses.mcp.remote import Remote
from scoring.responses.request.items import Item
from scoring.responses.tools.calls import CustomCall
from scoring.responses.tools.remote_calls import RemoteCall
from scoring.responses.tools.replayed import CALLS
from scoring.responses.tools.tools import Tools

LIMIT = "max_completion_tokens"
FOR_CLIENTS = {*CALLS, "mcp_approval_request"} - {"mcp_call"}  # items that a client has to answer
MOST_ANSWERS = 32  # after which the model must say what it has found
Chat = dict[str, Any]
Rebuild = Callable[[list[Item]], Chat]  # the chat request with these items behind the others


def rounds_of(tools: Tools, items: list[Item], rebuild: Rebuild, hosts: frozenset[str]) -> Rounds | None:
    """Return what may add chat requests to a response; None where one chat request is always enough.

    `items` are those of the conversation, the request's own last; `hosts` those of MCP servers that may be asked.
    Raises `Problem` (400) for any other server.
    """
    check_hosts(tools.servers, hosts)
    if tools.servers:
        return RemoteRounds(tools, Remote(tools, items), rebuild)
    return GrammarRounds() if any(one.grammar for one in tools.by_name.values()) else None


class GrammarRounds:
    """Has the input of a custom tool written under its grammar where the model has not kept to it by itself."""

    def __init__(self) -> None:
        self._chat: Chat = {}

    async def first(self, chat: Chat, machine: Machine, tell: Sink) -> Chat:
        """Return the first chat request."""
        self._chat = chat
        return chat

    async def next(self, machine: Machine, tell: Sink) -> Chat | None:
        """Return the chat request that writes the first input that does not fit; inputs that do are told."""
        while machine.waiting:
            call = machine.waiting.pop(0)
            if not isinstance(call, CustomCall):
                await self.make(call, machine, tell)
            elif await asyncio.to_thread(call.fits):
                await tell([*machine.tell(call.item, call.accept()), *machine.done(call.item)])
            else:
                messages = [*self._chat["messages"], *call.attempt()]
                chat = limited({**self._chat, "messages": messages, **call.write_again()}, machine)
                if chat is not None:
                    machine.write_into(call)
                return chat
        return None

    async def make(self, call: Any, machine: Machine, tell: Sink) -> None:
        """Make a call that is no custom tool's."""


class RemoteRounds(GrammarRounds):
    """Makes the calls of tools on MCP servers, and has the model go on with what they return."""

    def __init__(self, tools: Tools, remote: Remote, rebuild: Rebuild) -> None:
        super().__init__()
        self._tools = tools
        self._remote = remote
        self._rebuild = rebuild
        self._answers = 0
        self._seen = 0  # items of the output before the answer under way
        self._made = False

    async def first(self, chat: Chat, machine: Machine, tell: Sink) -> Chat:
        """List the servers' tools, make the calls that were approved, and return the first chat request."""
        if events := machine.begin():
            await tell(events)
        if await self._remote.begin(machine, tell):
            chat = self._rebuild(machine.response["output"])
        return self._asked(chat, machine, self._tools.forced)

    async def next(self, machine: Machine, tell: Sink) -> Chat | None:
        """Return another chat request as long as calls have been made, and the client has nothing to do."""
        chat = await super().next(machine, tell)
        if chat is not None:
            return chat
        made, self._made = self._made, False
        new = machine.response["output"][self._seen :]
        if not made or any(item["type"] in FOR_CLIENTS for item in new):
            return None
        output = machine.response["output"]
        used_up = sum(item["type"].endswith("_call") for item in output) >= (self._tools.most_calls or 1 << 30)
        mode = "none" if used_up or self._answers >= MOST_ANSWERS else "auto"
        return limited(self._asked(self._rebuild(output), machine, {"tool_choice": mode}), machine)

    async def make(self, call: Any, machine: Machine, tell: Sink) -> None:
        """Make a call of a server's tool."""
        if isinstance(call, RemoteCall):
            self._made = True
            await self._remote.make(call, machine, tell)

    def _asked(self, chat: Chat, machine: Machine, forced: Chat) -> Chat:
        """Return a chat request with the servers' tools beside the declared ones."""
        self._answers += 1
        self._seen = len(machine.response["output"])
        functions = [one.chat(strict=False) for one in self._remote.functions()]
        tools = [*chat.get("tools", []), *functions]
        self._chat = {**chat, "tools": tools, **forced} if tools else chat
        return self._chat


def limited(chat: Chat, machine: Machine) -> Chat | None:
    """Return a chat request with what is left of `max_output_tokens`; None if that is nothing: the response is cut."""
    if chat.get(LIMIT) is None:
        return chat
    left = chat[LIMIT] - machine.output_tokens
    if left < 1:
        machine.run_out()
        return None
    return {**chat, LIMIT: left}
