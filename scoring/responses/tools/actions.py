"""Shell commands and patches as arguments of a chat function, and as members of their items: read leniently.

Models leave members out and write a text where a list is wanted; the item must be one that clients can read.
"""

import json
from typing import Any

from scoring.responses.tools.arguments import sendable

SHELL = {
    "name": "shell",
    "description": "Runs shell commands on the user's machine, one after the other, and returns what they print.",
    "parameters": {
        "type": "object",
        "properties": {
            "commands": {"type": "array", "items": {"type": "string"}, "description": "Commands in their order."},
            "timeout_ms": {"type": "integer", "description": "Most milliseconds that they may take."},
            "max_output_length": {"type": "integer", "description": "Most characters of output to return."},
        },
        "required": ["commands"],
        "additionalProperties": False,
    },
}
LOCAL_SHELL = {
    "name": "local_shell",
    "description": "Runs one command on the user's machine and returns what it prints.",
    "parameters": {
        "type": "object",
        "properties": {
            "command": {
                "type": "array",
                "items": {"type": "string"},
                "description": 'The program and its arguments, such as ["bash", "-lc", "ls"].',
            },
            "env": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Environment variables to set.",
            },
            "working_directory": {"type": "string", "description": "Folder to run it in."},
            "timeout_ms": {"type": "integer", "description": "Most milliseconds that it may take."},
            "user": {"type": "string", "description": "User to run it as."},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}
APPLY_PATCH = {
    "name": "apply_patch",
    "description": "Creates, updates or deletes one file of the workspace by a diff.",
    "parameters": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
            "path": {"type": "string", "description": "The file, relative to the workspace's root."},
            "diff": {"type": "string", "description": "The diff in V4A form; not for delete_file."},
        },
        "required": ["type", "path"],
        "additionalProperties": False,
    },
}
FUNCTIONS = {"shell": SHELL, "local_shell": LOCAL_SHELL, "apply_patch": APPLY_PATCH}
LARGEST = 2**53  # a number that every client can read, and no NaN
OPERATIONS = ("create_file", "update_file", "delete_file")


def read_object(arguments: str) -> dict[str, Any]:
    """Return the object that arguments are, whose texts can be sent; an empty one where they are none."""
    try:
        value = json.loads(arguments, strict=False)
    except ValueError:
        return {}
    return json.loads(sendable(json.dumps(value, ensure_ascii=False))) if isinstance(value, dict) else {}


def shell_action(given: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a `shell_call`."""
    return {
        "action": {
            "commands": _texts(given.get("commands", given.get("command"))),
            "timeout_ms": _whole(given.get("timeout_ms")),
            "max_output_length": _whole(given.get("max_output_length")),
        },
        "environment": {"type": "local"},
    }


def local_shell_action(given: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a `local_shell_call`."""
    command = given.get("command", given.get("commands"))
    env = given.get("env")
    options = {
        "timeout_ms": _whole(given.get("timeout_ms")),
        "user": _text_or_none(given.get("user")),
        "working_directory": _text_or_none(given.get("working_directory")),
    }
    return {
        "action": {
            "type": "exec",
            "command": ["bash", "-lc", command] if isinstance(command, str) else _texts(command),
            "env": {name: _text(value) for name, value in env.items()} if isinstance(env, dict) else {},
            # Left out where the model has not said them: the AI SDK refuses an answer in which they are null.
            **{name: value for name, value in options.items() if value is not None},
        }
    }


def patch_operation(given: dict[str, Any]) -> dict[str, Any]:
    """Return the members of an `apply_patch_call`; some models write them as the item has them, in `operation`."""
    nested = given.get("operation")
    given = nested if isinstance(nested, dict) else given
    kind = given.get("type")
    operation = {"type": kind if kind in OPERATIONS else "update_file", "path": _text(given.get("path"))}
    if operation["type"] != "delete_file":
        operation["diff"] = _text(given.get("diff"))
    return {"operation": operation}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [_text(one) for one in value] if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= LARGEST else None
