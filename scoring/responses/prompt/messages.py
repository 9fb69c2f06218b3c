"""Chat messages from the items of a conversation.

What an assistant has done in one turn (reasoned, said, called) is one message, as chat templates know it; what its
calls have returned follows that message in the order of the calls, wherever it lies among the items.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scoring.responses.prompt.content import chat_content, joined
from scoring.responses.prompt.reasoning import reasoning_text
from scoring.responses.request.items import Item
from scoring.responses.request.messages import SYSTEM
from scoring.responses.request.request import Request
from scoring.responses.request.values import invalid, shown
from scoring.responses.tools.replayed import CALLS, OUTPUTS, call_in_chat, output_in_chat

Message = dict[str, Any]
DENIED = "The user has not allowed this call."


@dataclass
class _Call:
    """A call, and what it has returned."""

    id: str
    name: str
    arguments: str
    outputs: list[Any] = field(default_factory=list)

    def told(self) -> Message:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass
class _Turn:
    """What an assistant has done between two words of others."""

    reasoning: list[str] = field(default_factory=list)
    contents: list[Any] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)

    def messages(self) -> Iterator[Message]:
        message: Message = {"role": "assistant"}
        if self.reasoning:
            message["reasoning"] = "\n".join(self.reasoning)
        if self.contents or not self.calls:
            message["content"] = joined(self.contents, "\n")
        if self.calls:
            message["tool_calls"] = [call.told() for call in self.calls]
        yield message
        for call in self.calls:
            for output in call.outputs:
                yield {"role": "tool", "tool_call_id": call.id, "content": output}


class Conversation:
    """Takes items in their order; `messages` are those of a chat request."""

    def __init__(self, request: Request) -> None:
        self._sealing = request.sealing
        self._late_role = request.late_role
        self._head: list[Any] = [request.instructions] if request.instructions else []
        self._told: list[_Turn | Message] = []
        self._turn: _Turn | None = None
        self._approvals: dict[str, Item] = {}
        self._calls: dict[str, _Call] = {}  # by id; clients use one again, and mean the last call that has it
        self._made = 0

    @property
    def messages(self) -> list[Message]:
        """Return the messages so far; instructions and what a system says before all others are one."""
        found: list[Message] = [{"role": "system", "content": joined(self._head, "\n\n")}] if self._head else []
        for told in self._told:
            found += told.messages() if isinstance(told, _Turn) else [told]
        return found

    def add(self, item: Item, place: str) -> None:
        """Add an item that lies at this place of the request. Raises `Problem` (400)."""
        kind = item["type"]
        if kind == "message":
            self._say(item)
        elif kind == "reasoning":
            self._reason(item)
        elif kind == "mcp_call":
            told = item.get("error") or item.get("output")
            self._call_and_answer(item, None if told is None else str(told))
        elif kind in CALLS:
            self._call(item)
        elif kind in OUTPUTS:
            self._answer(item, place)
        elif kind == "mcp_approval_request":
            self._approvals[item["id"]] = item
        elif kind == "mcp_approval_response":
            self._approve(item, place)
        # Others tell of tools that are not here, and what they have found is in the messages that follow.

    def _say(self, item: Item) -> None:
        content = chat_content(item["content"])
        if item["role"] == "assistant":
            if self._turn is not None and self._turn.contents and not self._turn.calls:
                self._turn = None
            self._assistant().contents.append(content)
            return
        self._turn = None
        if item["role"] not in SYSTEM:
            self._told.append({"role": "user", "content": content})
        elif self._told:
            self._told.append({"role": self._late_role, "content": content})
        else:
            self._head.append(content)

    def _reason(self, item: Item) -> None:
        text = reasoning_text(item, self._sealing)
        if not text:
            return
        if self._turn is not None and (self._turn.contents or self._turn.calls):
            self._turn = None
        self._assistant().reasoning.append(text)

    def _call(self, item: Item) -> _Call:
        name, arguments = call_in_chat(item)
        call = _Call(self._call_id(item), name, arguments)
        self._assistant().calls.append(call)
        for id in {item.get("call_id"), item["id"]} - {None}:
            self._calls[id] = call
        return call

    def _call_id(self, item: Item) -> str:
        """Return the id that the template is told: ids made here differ each time, so they are not told."""
        self._made += 1
        call_id: str = item.get("call_id") or item["id"]
        return f"call_{self._made}" if call_id == item["id"] else call_id

    def _answer(self, item: Item, place: str) -> None:
        call_id = item.get("call_id") or item["id"]
        call = self._calls.get(call_id)
        if call is None:
            raise invalid(f"{place}.call_id", f"{place} is the output of a call that is not there: {shown(call_id)}.")
        call.outputs.append(_output(item))
        self._turn = None

    def _call_and_answer(self, item: Item, told: str | None) -> None:
        call = self._call(item)
        if told is not None:
            call.outputs.append(told)
        self._turn = None

    def _approve(self, item: Item, place: str) -> None:
        """Tell of a call that was not allowed; one that was is an item of its own once it has been made."""
        asked = self._approvals.get(item["approval_request_id"])
        if asked is None:
            known = shown(item["approval_request_id"])
            raise invalid(f"{place}.approval_request_id", f"{place} answers a request that is not there: {known}.")
        if not item["approve"]:
            self._call_and_answer({**asked, "type": "mcp_call"}, " ".join(filter(None, (DENIED, item.get("reason")))))

    def _assistant(self) -> _Turn:
        if self._turn is None:
            self._turn = _Turn()
            self._told.append(self._turn)
        return self._turn


def _output(item: Item) -> str | list[dict[str, Any]]:
    output = item.get("output")
    if isinstance(output, list) and item["type"] in ("function_call_output", "custom_tool_call_output"):
        return chat_content(output)
    return output_in_chat(item)
