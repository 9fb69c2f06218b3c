"""Calls under way: pieces of a chat answer, by the index of their call, become items."""

from collections.abc import Callable

import msgspec

from scoring.responses.events.chunks import CallPiece
from scoring.responses.events.output import Output
from scoring.responses.events.writing import Event
from scoring.responses.tools.calls import Call
from scoring.responses.tools.tools import Tools

TEXT_CALL = -1  # the index of a call whose input is the content of the answer


class OpenCall:
    """What has come of one call; it begins when its name is known."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.ended = False

    @property
    def whole(self) -> bool:
        """Whether its arguments are a whole JSON document, after which nothing can follow."""
        try:
            msgspec.json.decode("".join(self.pieces))
        except msgspec.DecodeError:
            return False
        return True


class Calls:
    """The calls of one chat answer; pieces of several may come in turns."""

    def __init__(self, output: Output, tools: Tools, new_id: Callable[[str], str]) -> None:
        self._output = output
        self._tools = tools
        self._new_id = new_id
        self._calls: dict[int, OpenCall] = {}
        self.waiting: list[Call] = []  # those that have ended, and whose items stay open

    @property
    def by_text(self) -> bool:
        """Whether the content of the answer is the input of a call."""
        return TEXT_CALL in self._calls

    def feed(self, piece: CallPiece) -> list[Event]:
        """Return the events of a piece; another call's piece ends those whose arguments are whole."""
        one, events = self._calls.get(piece.index), []
        if one is None and self._full():
            return []
        if one is None:
            events = self.end("completed", only_whole=True)
            one = self._calls[piece.index] = OpenCall()
        one.id = one.id or piece.id or ""
        one.name = one.name or piece.function.name or ""
        arguments = piece.function.arguments
        if arguments and not one.ended:
            one.pieces.append(arguments)
        if one.call is not None:
            return events + self._grow(one, arguments)
        return events + self._start(one) if one.name else events

    def _full(self) -> bool:
        """Whether the response has as many calls as `max_tool_calls` allows: another one is not told."""
        if self._tools.most_calls is None:
            return False
        told: int = sum(item["type"].endswith("_call") for item in self._output.items)
        return told + sum(one.call is None for one in self._calls.values()) >= self._tools.most_calls

    def write_into(self, call: Call) -> None:
        """Take the content of the answer for the input of a call whose item is open."""
        one = self._calls[TEXT_CALL] = OpenCall()
        one.call = call

    def feed_text(self, call: Call | None, text: str) -> list[Event]:
        """Return the events of a piece of content that is a call's input; `call` is a new one."""
        events: list[Event] = []
        if call is not None:
            self.write_into(call)
            events = self._output.add(call.item)
        return events + self._grow(self._calls[TEXT_CALL], text)

    def end(self, status: str, *, only_whole: bool = False) -> list[Event]:
        """Return the events that end the open calls; one whose arguments are whole is never `incomplete`.

        An item whose call has a true `waits` stays open, for who goes on with the response.
        """
        events: list[Event] = []
        for one in self._calls.values():
            if one.ended or (only_whole and not one.whole):
                continue
            one.ended = True
            events += self._start(one) if one.call is None else []
            events += self._end(one, "completed" if status != "completed" and one.whole else status)
        return events

    def _start(self, one: OpenCall) -> list[Event]:
        item_id = self._new_id(self._tools.id_prefix(one.name))
        one.call = self._tools.begin_call(one.name, item_id, one.id or self._new_id("call"))
        return self._output.add(one.call.item) + self._grow(one, "".join(one.pieces))

    def _grow(self, one: OpenCall, arguments: str | None) -> list[Event]:
        if not arguments or one.ended or one.call is None:
            return []
        return self._output.tell(one.call.item, one.call.feed(arguments))

    def _end(self, one: OpenCall, status: str) -> list[Event]:
        if one.call is None:
            return []
        events = self._output.tell(one.call.item, one.call.end(status))
        if one.call.waits:
            self.waiting.append(one.call)
            return events
        return events + self._output.done(one.call.item)
