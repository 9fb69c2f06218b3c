"""Refuses bounds that no 64-bit integer meets: llguidance 1.7.6, which vLLM asks, fails on them or ends the process."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scoring.checks.json_walk import Path, members
from scoring.problems import Problem

HOLD_SCHEMAS = ("response_format", "structured_outputs", "text", "tools")
TEXTS = ("json", "structural_tag")
FURTHEST = 2**63 - 512  # from here on a double rounds to 2**63, and llguidance reads bounds as doubles
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def check_schema_bounds(document: Mapping[str, Any]) -> None:
    """Raise `Problem` (422) for a request whose JSON schemas ask for numbers out of reach."""
    for name in HOLD_SCHEMAS:
        if isinstance(document.get(name), dict | list):
            for path, value in _beyond(document[name], (name,)):
                where = ".".join(path)
                raise Problem(
                    422,
                    f"{where} is {value!r:.60}; no integer of 64 bits meets that bound.",
                    param=where,
                    details={"loc": ["body", *path], "value": str(value)[:200]},
                )


def _beyond(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    for place, value in members(node, path):
        if isinstance(value, int | float) and not isinstance(value, bool):
            too_low = place[-1] in ("maximum", "exclusiveMaximum") and value <= -FURTHEST
            too_high = place[-1] in ("minimum", "exclusiveMinimum") and value >= FURTHEST
            if too_low or too_high:
                yield place, value
        elif isinstance(value, str) and path[0] == "structured_outputs":
            yield from _beyond_in_text(place, value)


def _beyond_in_text(place: Path, text: str) -> Iterator[tuple[Path, Any]]:
    if place[-1] in TEXTS:
        try:
            yield from _beyond(json.loads(text), place)
        except (ValueError, RecursionError):
            return  # vLLM says what is wrong with it
    elif place[-1] == "grammar" and "%json" in text:  # a schema inside of a grammar
        yield from ((place, number) for number in NUMBER.findall(text) if abs(float(number)) >= FURTHEST)
