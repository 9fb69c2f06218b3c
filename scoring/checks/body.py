"""A request body, parsed: one JSON object that the engine's process can be sent."""

import json
from typing import Any

import msgspec

from scoring.checks.json_checks import first_unsendable
from scoring.checks.structure import SLICE, check_structure
from scoring.problems import Problem
from scoring.settings.limits import Limits

AS_DIGITS = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else ord(" ") for byte in range(256))
BEYOND_64_BITS = b"0" * 19  # no shorter number is


def parse_body(body: bytes, limits: Limits) -> dict[str, Any]:
    """Parse a request body: one JSON object, no deeper than allowed, without NaN and what the engine cannot be sent."""
    check_structure(body, limits)
    try:
        document = msgspec.json.decode(body)
        sendable = not _has_long_number(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document, sendable = _parse_again(body, limits), False
    if not isinstance(document, dict):
        raise Problem(400, "The body must be a JSON object.")
    if body.count(b"[") + body.count(b"{") > limits.max_json_depth and _depth(document) > limits.max_json_depth:
        raise _too_deep(limits)
    if not sendable:
        _check_sendable(document)
    return document


def _parse_again(body: bytes, limits: Limits) -> Any:
    """Parse what msgspec refuses: Python's own parser takes a little more (UTF-16, a byte order mark, 1e999).

    Its words for the rest are the better ones, too.
    """
    try:
        return json.loads(body.decode(json.detect_encoding(body)), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise _too_deep(limits) from error
    except ValueError as error:
        # Python's own words name a function that the client cannot call.
        reason = "an integer has too many digits" if "set_int_max_str_digits" in str(error) else error
        raise Problem(400, f"The body is not valid JSON: {reason}.") from error


def _has_long_number(body: bytes) -> bool:
    """Whether there are enough digits side by side for a number beyond 64 bits, maybe in a string."""
    overlap = len(BEYOND_64_BITS) - 1
    slices = (body[start : start + SLICE + overlap] for start in range(0, len(body), SLICE))
    return any(BEYOND_64_BITS in piece.translate(AS_DIGITS) for piece in slices)


def _check_sendable(document: dict[str, Any]) -> None:
    fault = first_unsendable(document)
    if fault is not None:
        path = [name.encode("ascii", "backslashreplace").decode() for name in fault.path]
        where, value = ".".join(path), repr(fault.value)[:200]
        raise Problem(
            422,
            f"{where or 'The name of a field'} {fault.message}: {value:.60}.",
            param=where or None,
            details={"loc": ["body", *path], "value": value},
        )


def _too_deep(limits: Limits) -> Problem:
    return Problem(422, f"The body is nested deeper than {limits.max_json_depth} levels.")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    return depth


def _children(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node
