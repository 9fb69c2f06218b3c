"""A call under way: pieces of its arguments go in, events come out, and the item stands in the form it was declared."""

import json
from collections.abc import Callable
from typing import Any

from scoring.responses.tools import actions
from scoring.responses.tools.arguments import InputReader
from scoring.responses.tools.offered import Offered

Told = list[tuple[str, dict[str, Any]]]  # types of events, and their members but for those of every event


class Call:
    """A call of a function; the other kinds are made from it."""

    PREFIX = "fc"  # of its id
    TYPE = "function_call"
    held = False  # whether its events wait for its end

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

    def wants(self) -> dict[str, Any] | None:
        """Return members of another chat request, whose content is this call's input; asked when its arguments end."""
        return None

    def _empty(self) -> dict[str, Any]:
        return {**_named(self.offered), "arguments": ""}


class CustomCall(Call):
    """A call of a custom tool, whose input is a text."""

    PREFIX = "ctc"
    TYPE = "custom_tool_call"

    def __init__(self, offered: Offered, item_id: str, call_id: str) -> None:
        super().__init__(offered, item_id, call_id)
        self._reader = InputReader()

    def feed(self, piece: str) -> Told:
        """Take a piece of the arguments; what it adds to the input is told."""
        return self._tell(self._reader.feed(piece))

    def end(self, status: str) -> Told:
        """Return the events before `response.output_item.done`."""
        told = self._tell(self._rest(status))
        self.item["input"] = "".join(self._pieces)
        self.item["status"] = status
        return [*told, ("response.custom_tool_call_input.done", {"input": self.item["input"]})]

    def _rest(self, status: str) -> str:
        return self._reader.finish(cut=status != "completed")

    def _tell(self, text: str) -> Told:
        if not text:
            return []
        self._pieces.append(text)
        return [("response.custom_tool_call_input.delta", {"delta": text})]

    def _empty(self) -> dict[str, Any]:
        return {**_named(self.offered), "input": ""}


class TextCall(CustomCall):
    """A call of a custom tool whose input is the answer's own text."""

    def feed(self, piece: str) -> Told:
        """Take a piece of the input."""
        return self._tell(piece)

    def _rest(self, status: str) -> str:
        return ""


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


def arguments_of(value: dict[str, Any]) -> str:
    """Return arguments as the model is told them again: members that are null are left out."""
    return json.dumps({name: member for name, member in value.items() if member is not None}, ensure_ascii=False)
