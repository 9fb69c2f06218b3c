"""A call under way: pieces of its arguments go in, events come out, and the item stands in the form it was declared."""

import json
from collections.abc import Callable
from typing import Any

from scoring.checks.custom_formats import follows
from scoring.responses.tools import actions
from scoring.responses.tools.arguments import InputReader
from scoring.responses.tools.offered import Offered

Told = list[tuple[str, dict[str, Any]]]  # types of events, and their members but for those of every event

DOES_NOT_FIT = "This input does not follow the tool's grammar. Answer with the right input, and nothing else."


class Call:
    """A call of a function; the other kinds are made from it."""

    PREFIX = "fc"  # of its id
    TYPE = "function_call"
    waits = False  # after its end: whether its item stays open, for who goes on with the response

    def __init__(self, offered: Offered, item_id: str, call_id: str) -> None:
        self.offered = offered
        self.item: dict[str, Any] = {
            "type": self.TYPE, "id": item_id, "call_id": call_id, "status": "in_progress", **self._empty(),
        }  # fmt: skip
        self._pieces: list[str] = []

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments."""
        if not piece:
            return []
        self._pieces.append(piece)
        return [("response.function_call_arguments.delta", {"delta": piece})]

    def end(self, status: str) -> Told:
        """Return the events before `response.output_item.done`; the item is complete then, with this status."""
        told = self.feed("{}") if not self._pieces and status == "completed" else []
        self.item["arguments"] = "".join(self._pieces)
        self.item["status"] = status
        done = {"arguments": self.item["arguments"], "name": self.item["name"]}
        return [*told, ("response.function_call_arguments.done", done)]

    def _empty(self) -> dict[str, Any]:
        return {**_named(self.offered), "arguments": ""}


class CustomCall(Call):
    """A call of a custom tool, whose input is a text; one that has a grammar is told when it is known to fit."""

    PREFIX = "ctc"
    TYPE = "custom_tool_call"

    def __init__(self, offered: Offered, item_id: str, call_id: str) -> None:
        super().__init__(offered, item_id, call_id)
        self._reader: InputReader | None = InputReader()
        self._held: list[str] = []

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments, or of the text; what it adds to the input is told."""
        if self._reader is None:
            return self._tell(piece)
        text = self._reader.feed(piece)
        if self.offered.grammar is None:
            return self._tell(text)
        self._held.append(text)
        return []

    def end(self, status: str) -> Told:
        """Return the events before `response.output_item.done`; one that has a grammar waits for `fits`."""
        text = self._rest(cut=status != "completed")
        if status == "completed" and self._reader is not None and self.offered.grammar is not None:
            self._held, self.waits = [text], True
            return []
        return self._done(text, status)

    def fits(self) -> bool:
        """Tell whether what has been written follows the tool's grammar; takes time, so ask in a thread."""
        grammar = self.offered.grammar
        return grammar is None or follows(grammar["syntax"], grammar["definition"], "".join(self._held))

    def accept(self) -> Told:
        """Return the events before `response.output_item.done` of a call that has waited, and fits."""
        return self._done("".join(self._held), "completed")

    def attempt(self) -> list[dict[str, Any]]:
        """Return the messages that show the model what it has written, and that it does not fit."""
        arguments = json.dumps({"input": "".join(self._held)}, ensure_ascii=False)
        function = {"name": self.offered.name, "arguments": arguments}
        call = {"id": self.item["call_id"], "type": "function", "function": function}
        return [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": self.item["call_id"], "content": DOES_NOT_FIT},
        ]

    def write_again(self) -> dict[str, Any]:
        """Return members of a chat request whose text follows the grammar: it is fed as it is from now on."""
        self._reader, self._held, self.waits = None, [], False
        return written_under(self.offered.grammar or {})

    def _rest(self, *, cut: bool) -> str:
        end = self._reader.finish(cut=cut) if self._reader else ""
        return "".join([*self._held, end])

    def _done(self, text: str, status: str) -> Told:
        told = self._tell(text)
        self.waits = False
        self.item["input"] = "".join(self._pieces)
        self.item["status"] = status
        return [*told, ("response.custom_tool_call_input.done", {"input": self.item["input"]})]

    def _tell(self, text: str) -> Told:
        if not text:
            return []
        self._pieces.append(text)
        return [("response.custom_tool_call_input.delta", {"delta": text})]

    def _empty(self) -> dict[str, Any]:
        return {**_named(self.offered), "input": ""}


class ActionCall(Call):
    """A call that has no events of its own: its item gets its members when its arguments are whole."""

    PREFIX = "sh"
    TYPE = "shell_call"
    read: Callable[[dict[str, Any]], dict[str, Any]] = staticmethod(actions.shell_action)
    cut_status = "incomplete"

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments."""
        self._pieces.append(piece)
        return []

    def end(self, status: str) -> Told:
        """Complete the item."""
        self.item |= type(self).read(actions.read_object("".join(self._pieces)))
        self.item["status"] = "completed" if status == "completed" else self.cut_status
        return []

    def _empty(self) -> dict[str, Any]:
        return type(self).read({})


class LocalShellCall(ActionCall):
    """A call of `local_shell`: one command."""

    PREFIX = "lsh"
    TYPE = "local_shell_call"
    read = staticmethod(actions.local_shell_action)


class PatchCall(ActionCall):
    """A call of `apply_patch`: one file is created, changed or deleted."""

    PREFIX = "apc"
    TYPE = "apply_patch_call"
    read = staticmethod(actions.patch_operation)
    cut_status = "in_progress"  # OpenAI's item knows no "incomplete", and half a patch must not look whole


KINDS: dict[str, type[Call]] = {
    "function": Call, "custom": CustomCall, "shell": ActionCall, "local_shell": LocalShellCall,
    "apply_patch": PatchCall,
}  # fmt: skip


def _named(offered: Offered) -> dict[str, Any]:
    name = {"name": offered.declared["name"]}
    return name if offered.namespace is None else {**name, "namespace": offered.namespace}


def written_under(grammar: dict[str, Any]) -> dict[str, Any]:
    """Return the chat members that bind the answer's text to a custom tool's format, with the tools in sight."""
    syntax = "regex" if grammar["syntax"] == "regex" else "grammar"
    bound = {syntax: grammar["definition"]}
    return {"tool_choice": "none", "structured_outputs": bound, "response_format": None}


def arguments_of(value: dict[str, Any]) -> str:
    """Return arguments as the model is told them again: members that are null are left out."""
    return json.dumps({name: member for name, member in value.items() if member is not None}, ensure_ascii=False)
