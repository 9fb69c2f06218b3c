"""The types of items that a conversation may hold, each with what it must have to be read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring.responses.request.parts import output_parts
from scoring.responses.request.values import (
    Check,
    an_object,
    boolean,
    list_of,
    members,
    missing,
    refused,
    schema,
    text,
)

Item = dict[str, Any]
NAME = text(1)
COMPACT = "ask /v1/responses/compact for that"
OFFERED = "send the tools of a request in its tools"


@dataclass(frozen=True)
class ItemType:
    """One type: the prefix of its ids, members that it must have, and others that are checked where they are given.

    `refused` says why items of this type are not accepted.
    """

    prefix: str
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    has_status: bool = True
    prepare: Callable[[Item], None] | None = None
    refused: str = ""

    def read(self, item: Item, place: str) -> Item:
        """Check an item without null members, which is changed in place. Raises `Problem` (400)."""
        if self.prepare is not None:
            self.prepare(item)
        for name, check in self.required.items():
            if name not in item:
                raise missing(f"{place}.{name}")
            item[name] = check(item[name], f"{place}.{name}")
        for name, check in self.optional.items():
            if name in item:
                item[name] = check(item[name], f"{place}.{name}")
        return item


def _arguments(value: Any, place: str) -> str:
    """Return the arguments of a call as text: some clients send the object itself."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return value
    raise refused(place, value, "a text of JSON")


def _output(value: Any, place: str) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return output_parts(value, place)
    raise refused(place, value, "a text or a list of parts")


def _shell_output(value: Any, place: str) -> Any:
    return value if isinstance(value, str) else _chunks(value, place)


def _texts(wanted: str) -> Callable[[Any, str], list[dict[str, Any]]]:
    """Return a check for parts of reasoning, which also takes a text."""

    def check(value: Any, place: str) -> list[dict[str, Any]]:
        if isinstance(value, str):
            return [{"type": wanted, "text": value}] if value else []
        return [{**part, "type": wanted} for part in _read_texts(value, place)]

    return check


def _call_without_arguments(item: Item) -> None:
    item.setdefault("arguments", "{}")
    _with_call_id(item)


def _with_call_id(item: Item) -> None:
    """Let a call without a `call_id` be referred to by its own id."""
    item.setdefault("call_id", item["id"])


def _without_output(item: Item) -> None:
    item.setdefault("output", "")


def _with_summary(item: Item) -> None:
    item.setdefault("summary", [])


_read_texts = list_of(members({"text": text()}, required=("text",)), "a list of parts")
_chunks = list_of(members({"stdout": text(), "stderr": text(), "outcome": an_object}), "a list of outputs")
LISTED = list_of(
    members(
        {"name": NAME, "input_schema": schema, "description": text(), "annotations": an_object},
        required=("name", "input_schema"),
    ),
    "a list of tools",
)
COMMANDS = list_of(text(), "a list of texts")
PATCH = members({"type": NAME, "path": text(), "diff": text()}, required=("type", "path"))
OUTPUT: Mapping[str, Check] = {"call_id": NAME, "output": _output}
HOSTED = (
    *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
    *("computer_call", "computer_call_output", "tool_search_call", "tool_search_output"),
    *("program", "program_output"),
)
TYPES: dict[str, ItemType] = {
    "message": ItemType("msg"),
    "reasoning": ItemType(
        "rs",
        optional={
            "summary": _texts("summary_text"),
            "content": _texts("reasoning_text"),
            "encrypted_content": text(),
        },
        has_status=False,
        prepare=_with_summary,
    ),
    "function_call": ItemType(
        "fc",
        {"call_id": NAME, "name": NAME, "arguments": _arguments},
        {"namespace": text()},
        True,
        _call_without_arguments,
    ),
    "function_call_output": ItemType("fco", OUTPUT, prepare=_without_output),
    "custom_tool_call": ItemType(
        "ctc", {"call_id": NAME, "name": NAME, "input": text()}, {"namespace": text()}, True, _with_call_id
    ),
    "custom_tool_call_output": ItemType("ctco", OUTPUT, prepare=_without_output),
    "shell_call": ItemType(
        "sh",
        {"call_id": NAME, "action": members({"commands": COMMANDS}, required=("commands",))},
        {},
        True,
        _with_call_id,
    ),
    "shell_call_output": ItemType("sho", {"call_id": NAME, "output": _shell_output}, prepare=_without_output),
    "local_shell_call": ItemType(
        "lsh",
        {"call_id": NAME, "action": members({"command": COMMANDS}, required=("command",))},
        {},
        True,
        _with_call_id,
    ),
    "local_shell_call_output": ItemType("lsho", {"output": text()}, {"call_id": NAME}, prepare=_without_output),
    "apply_patch_call": ItemType("apc", {"call_id": NAME, "operation": PATCH}, {}, True, _with_call_id),
    "apply_patch_call_output": ItemType("apco", {"call_id": NAME}, {"output": text()}, prepare=_without_output),
    "mcp_list_tools": ItemType("mcpl", {"server_label": NAME, "tools": LISTED}, {}, False),
    "mcp_call": ItemType(
        "mcp",
        {"server_label": NAME, "name": NAME, "arguments": _arguments},
        {"output": text(), "approval_request_id": text()},
        prepare=_call_without_arguments,
    ),
    "mcp_approval_request": ItemType(
        "mcpr", {"server_label": NAME, "name": NAME, "arguments": _arguments}, {}, False, _call_without_arguments
    ),
    "mcp_approval_response": ItemType(
        "mcpa", {"approval_request_id": NAME, "approve": boolean}, {"reason": text()}, False
    ),
    "item_reference": ItemType("", {"id": NAME}, has_status=False),
    "compaction": ItemType("cmp", {"encrypted_content": NAME}, has_status=False),
    "compaction_trigger": ItemType("", refused=COMPACT),
    "additional_tools": ItemType("", refused=OFFERED),
    **{kind: ItemType(kind.replace("_call", ""), has_status=False) for kind in HOSTED},
}
