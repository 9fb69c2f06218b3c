"""Calls and what they returned, from items of a conversation to what a chat template is told of them."""

import json
from collections.abc import Callable
from typing import Any

from scoring.responses.tools.calls import arguments_of
from scoring.responses.tools.offered import chat_name

Item = dict[str, Any]
OUTPUTS = {
    "function_call_output": "function_call",
    "custom_tool_call_output": "custom_tool_call",
    "shell_call_output": "shell_call",
    "local_shell_call_output": "local_shell_call",
    "apply_patch_call_output": "apply_patch_call",
}


def call_in_chat(item: Item) -> tuple[str, str]:
    """Return name and arguments of the chat function that an item of a type in `CALLS` is a call of."""
    return CALLS[item["type"]](item)


def output_in_chat(item: Item) -> str | list[dict[str, Any]]:
    """Return the content of the tool message for an item of a type in `OUTPUTS`: a text, or parts as chat has them."""
    if item["type"] == "shell_call_output" and isinstance(item.get("output"), list):
        return "\n".join(_ran(one) for one in item["output"])
    if item["type"] == "apply_patch_call_output":
        return item.get("output") or f"The patch has {'failed' if item.get('status') == 'failed' else 'been applied'}."
    output = item.get("output")
    if isinstance(output, list):
        parts = [_part(part) for part in output]
        if all(part["type"] == "text" for part in parts):
            return "".join(part["text"] for part in parts)
        return parts
    return output if isinstance(output, str) else _json(output)


def _function(item: Item) -> tuple[str, str]:
    arguments = item.get("arguments")
    return chat_name(item.get("namespace"), item["name"]), arguments if isinstance(arguments, str) else _json(arguments)


def _custom(item: Item) -> tuple[str, str]:
    return chat_name(item.get("namespace"), item["name"]), _json({"input": item.get("input") or ""})


def _remote(item: Item) -> tuple[str, str]:
    return chat_name(item["server_label"], item["name"]), item["arguments"]


def _shell(item: Item) -> tuple[str, str]:
    return "shell", arguments_of(item.get("action") or {})


def _local_shell(item: Item) -> tuple[str, str]:
    action = item.get("action") or {}
    told = {name: value for name, value in action.items() if name != "type" and value != {}}
    return "local_shell", arguments_of(told)


def _patch(item: Item) -> tuple[str, str]:
    return "apply_patch", arguments_of(item.get("operation") or {})


CALLS: dict[str, Callable[[Item], tuple[str, str]]] = {
    "function_call": _function,
    "custom_tool_call": _custom,
    "shell_call": _shell,
    "local_shell_call": _local_shell,
    "apply_patch_call": _patch,
    "mcp_call": _remote,
}


def _ran(one: Any) -> str:
    """Return what a command has printed and how it has ended, as text."""
    if not isinstance(one, dict):
        return str(one)
    outcome = one.get("outcome") or {}
    ended = "It took too long." if outcome.get("type") == "timeout" else f"Exit code {outcome.get('exit_code', 0)}."
    errors = f"stderr:\n{one['stderr']}" if one.get("stderr") else ""
    return "\n".join(text for text in (one.get("stdout") or "", errors, ended) if text)


def _part(part: Any) -> dict[str, Any]:
    """Return a part of an output as chat has it."""
    if not isinstance(part, dict):
        return {"type": "text", "text": str(part)}
    if part.get("type") == "input_image" and part.get("image_url"):
        image = {"url": part["image_url"]}
        if part.get("detail") in ("low", "high", "auto"):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    text = part.get("text")
    return {"type": "text", "text": text if isinstance(text, str) else _json(part)}


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
