"""Checks fault rules; `infra.emulator.gateway.faults` explains their fields."""

import math
import re
from collections.abc import Callable
from typing import Any

TARGETS = ("arm", "hub", "endpoint", "prices", "*")
METHODS = ("*", "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # https://www.rfc-editor.org/rfc/rfc9110#name-tokens
TEXT = re.compile(r"[\t\x20-\x7e]*")
# Another value of these would break the connection, not the answer.
FRAMING = ("content-length", "transfer-encoding", "connection")
DOES = ("delay", "status", "after", "reset", "hang", "hold", "operation")


def checked(definition: Any) -> dict[str, Any]:
    """The rule unchanged; `ValueError` says what is wrong with it."""
    if not isinstance(definition, dict):
        raise ValueError(f"a rule must be an object, not {definition!r}")
    for name, value in definition.items():
        if name not in FIELDS:
            raise ValueError(f"unknown field {name!r} in a rule; there are {', '.join(FIELDS)}")
        kinds, fits, words = FIELDS[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise ValueError(f"field {name!r} of a rule has the wrong type: {value!r}; it must be {words}")
        if not fits(value):
            raise ValueError(f"field {name!r} of a rule must be {words}, not {value!r}")
    if not any(name in definition for name in DOES):
        raise ValueError(f"a rule needs one of {', '.join(DOES)}")
    try:
        re.compile(definition.get("path", ""))
    except re.error as error:
        raise ValueError(f"path {definition['path']!r} is not a regular expression: {error}") from None
    return definition


def _are_headers(headers: dict[Any, Any]) -> bool:
    return all(
        TOKEN.fullmatch(str(name)) and name.lower() not in FRAMING and TEXT.fullmatch(str(value))
        for name, value in headers.items()
    )


def _is_operation(operation: dict[Any, Any] | str) -> bool:
    if isinstance(operation, str):
        return operation == "never"
    code, rest = operation.get("code"), set(operation) - {"code", "message"}
    return isinstance(code, str) and bool(code) and not rest and isinstance(operation.get("message", ""), str)


def _anything(_: Any) -> bool:
    return True


# By name: the type, a further condition, and both in words.
FIELDS: dict[str, tuple[Any, Callable[[Any], bool], str]] = {
    "method": (str, lambda value: value.upper() in METHODS, f"one of {', '.join(METHODS)}"),
    "path": (str, _anything, "a regular expression"),
    "target": (str, lambda value: value in TARGETS, f"one of {', '.join(TARGETS)}"),
    "times": (int, lambda value: value >= 0, "a whole number from 0 (0: it only keeps its count)"),
    "skip": (int, lambda value: value >= 0, "a whole number from 0"),
    "probability": ((int, float), lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "seed": (int, _anything, "a whole number"),
    "delay": ((int, float), lambda value: 0 <= value < math.inf, "a number of seconds from 0"),
    "status": (int, lambda value: 200 <= value <= 599, "a status from 200 to 599"),
    "code": (str, lambda value: TEXT.fullmatch(value) is not None, "printable ASCII"),
    "message": (str, _anything, "a text"),
    "headers": (
        dict,
        _are_headers,
        f"names and values in printable ASCII, none of them {', '.join(FRAMING)}",
    ),
    "after": (bool, _anything, "true or false"),
    "reset": (bool, _anything, "true or false"),
    "hang": (bool, _anything, "true or false"),
    "hold": (bool, _anything, "true or false"),
    "operation": ((dict, str), _is_operation, "'never' or an object with a `code` and perhaps a `message`"),
}
