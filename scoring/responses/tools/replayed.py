"""Calls and what they returned, from items of a conversation to what a chat template is told of them."""

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


def output_in_chat(item: Item) -> str:
    """Return what the output of a call says, for an item of a type in `OUTPUTS` whose output is no list of parts."""
    if item["type"] == "shell_call_output" and isinstance(item.get("output"), list):
        return "\n".join(_ran(one) for one in item["output"])
    if item["type"] == "apply_patch_call_output":
        return item.get("output") or f"The patch has {'failed' if item.get('status') == 'failed' else 'been applied'}."
    output: str = item["output"]
    return output


def _function(item: Item) -> tuple[str, str]:
    return chat_name(item.get("namespace"), item["name"]), item["arguments"]


def _custom(item: Item) -> tuple[str, str]:
    return chat_name(item.get("namespace"), item["name"]), arguments_of({"input": item["input"]})


def _remote(item: Item) -> tuple[str, str]:
    return chat_name(item["server_label"], item["name"]), item["arguments"]


def _shell(item: Item) -> tuple[str, str]:
    return "shell", arguments_of(item["action"])


def _local_shell(item: Item) -> tuple[str, str]:
    told = {name: value for name, value in item["action"].items() if name != "type" and value != {}}
    return "local_shell", arguments_of(told)


def _patch(item: Item) -> tuple[str, str]:
    return "apply_patch", arguments_of(item["operation"])


CALLS: dict[str, Callable[[Item], tuple[str, str]]] = {
    "function_call": _function,
    "custom_tool_call": _custom,
    "shell_call": _shell,
    "local_shell_call": _local_shell,
    "apply_patch_call": _patch,
    "mcp_call": _remote,
}


def _ran(one: dict[str, Any]) -> str:
    """Return what a command has printed and how it has ended, as text."""
    outcome = one.get("outcome") or {}
    ended = "It took too long." if outcome.get("type") == "timeout" else f"Exit code {outcome.get('exit_code', 0)}."
    errors = f"stderr:\n{one['stderr']}" if one.get("stderr") else ""
    return "\n".join(text for text in (one.get("stdout") or "", errors, ended) if text)
