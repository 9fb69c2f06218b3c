"""A request body, parsed: one JSON object that the engine's process can be sent."""

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from scoring.checks.json_walk import Path
from scoring.checks.structure import SLICE, check_structure
from scoring.problems import Problem
from scoring.settings.limits import Limits

AS_DIGITS = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else ord(" ") for byte in range(256))
BEYOND_64_BITS = b"0" * 19  # no shorter number is


def parse_body(body: bytes, limits: Limits) -> dict[str, Any]:
    """Return the JSON object that a request's body is.

    Raises `Problem`: 400 for what is no JSON object, 422 for one beyond the limits or that the engine cannot be sent.
    """
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
    for place, words, refused in _unsendable(document, ()):
        path = [name.encode("ascii", "backslashreplace").decode() for name in place]
        where, value = ".".join(path), repr(refused)[:200]
        raise Problem(
            422,
            f"{where or 'The name of a field'} {words}: {value:.60}.",
            param=where or None,
            details={"loc": ["body", *path], "value": value},
        )


def _unsendable(value: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Yield the texts and numbers that MessagePack, which the engine's process is spoken to in, has no place for."""
    if isinstance(value, str):
        if not _is_text(value):
            yield path, "is no text: it holds half of a surrogate pair", value
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            yield path, "must fit into 64 bits", value
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, "must be finite", value
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unsendable(name, path)
            yield from _unsendable(item, (*path, str(name)))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


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
