"""How much a JSON text holds, counted before it is parsed: a few bytes of it become a hundred in memory.

What strings hold does not count, so a prompt may be as full of brackets as source code is.
"""

import json
import time

from scoring.problems import Problem
from scoring.settings.limits import Limits

SLICE = 64 * 1024  # bytes looked at in one go: some 0.1 ms, at most 2


def check_structure(body: bytes, limits: Limits) -> None:
    """Refuse with 422 a body of too many JSON values, or of too many objects and lists; takes up to 10 ms a MiB."""
    fewest = min(limits.max_json_values, limits.max_json_containers)
    if len(body) <= 2 * fewest:  # each value takes two bytes at least
        return
    text = _in_utf_8(body)
    containers = values = quotes = 0
    inside = escaped = False
    for start in range(0, len(text), SLICE):
        piece = text[start + escaped : start + SLICE]
        escaped = (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1
        parts = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[inside::2])
        inside ^= len(parts) % 2 == 0
        opened = outside.count(b"{") + outside.count(b"[")
        containers += opened
        values += opened + outside.count(b",")
        quotes += len(parts) - 1
        if containers > limits.max_json_containers:
            raise _too_many("objects and lists", limits.max_json_containers, "SCORING_MAX_JSON_CONTAINERS")
        if values > limits.max_json_values or quotes > 4 * limits.max_json_values:  # a name and a text for each value
            raise _too_many("values", limits.max_json_values, "SCORING_MAX_JSON_VALUES")
        time.sleep(0)  # the event loop runs in another thread, and needs the interpreter


def _in_utf_8(body: bytes) -> bytes:
    encoding = json.detect_encoding(body)
    if encoding.startswith("utf-8"):
        return body
    return body.decode(encoding, "replace").encode("utf-8", "replace")


def _too_many(what: str, most: int, name: str) -> Problem:
    return Problem(422, f"The body holds more than {most} JSON {what} ({name}).")
