"""Checks a value against the subset of JSON Schema that our tables are written in, and names the first fault."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """Where a value breaks its schema, and how."""

    path: Path
    message: str
    value: Any


def first_fault(value: Any, schema: Schema, path: Path = ()) -> Fault | None:
    """Return the first thing that is wrong with the value, or None."""
    return next(_faults(value, schema, path), None)


def first_unsendable(value: Any, path: Path = ()) -> Fault | None:
    """Return the first text or number that cannot be sent to the engine's process, or None."""
    return next(_unsendable(value, path), None)


def _unsendable(value: Any, path: Path) -> Iterator[Fault]:
    if isinstance(value, str):
        if not _is_text(value):
            yield Fault(path, "is no text: it holds half of a surrogate pair", value)
    elif isinstance(value, int):
        if not is_64_bit(value):
            yield Fault(path, "must fit into 64 bits", value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Fault(path, "must be finite", value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _unsendable(name, path)
            yield from _unsendable(item, (*path, name))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unsendable(item, (*path, str(position)))


def is_64_bit(value: int) -> bool:
    """Whether an integer has a place in MessagePack, which the engine's process is spoken to in."""
    return -(1 << 63) <= value < 1 << 64


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _faults(value: Any, schema: Schema, path: Path) -> Iterator[Fault]:
    types = _types(schema)
    if types and not any(_is(value, name) for name in types):
        yield Fault(path, f"must be {' or '.join(_article(name) for name in types)}", value)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"must be one of {', '.join(map(repr, schema['enum']))}", value)
        return
    if "anyOf" in schema:
        yield from _any_of(value, schema["anyOf"], path)
    if "oneOf" in schema:
        yield from _discriminated(value, schema, path)
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)


def _types(schema: Schema) -> list[str]:
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def _is(value: Any, name: str) -> bool:
    if name == "null":
        return value is None
    if isinstance(value, bool):
        return name == "boolean"
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "object": dict,
        "array": list,
    }
    return name in kinds and isinstance(value, kinds[name])


def _article(name: str) -> str:
    return name if name == "null" else f"an {name}" if name[0] in "aio" else f"a {name}"


def _number(value: float, schema: Schema, path: Path) -> Iterator[Fault]:
    if not (float("-inf") < value < float("inf")):
        yield Fault(path, "must be finite", str(value))
    elif value < schema.get("minimum", value):
        yield Fault(path, f"must be at least {schema['minimum']}", value)
    elif value > schema.get("maximum", value):
        yield Fault(path, f"must be at most {schema['maximum']}", value)


def _array(value: Sequence[Any], schema: Schema, path: Path) -> Iterator[Fault]:
    if len(value) < schema.get("minItems", 0):
        yield Fault(path, f"must have at least {schema['minItems']} item", value)
    for position, item in enumerate(value):
        yield from _faults(item, schema.get("items", {}), (*path, str(position)))


def _object(value: Mapping[str, Any], schema: Schema, path: Path) -> Iterator[Fault]:
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault((*path, name), "is required", None)
    for name, part in schema.get("properties", {}).items():
        if name in value:
            yield from _faults(value[name], part, (*path, name))


def _any_of(value: Any, branches: Sequence[Schema], path: Path) -> Iterator[Fault]:
    """Judge by the branch whose JSON type fits, so that the fault named is the one that matters."""
    fitting = [branch for branch in branches if any(_is(value, name) for name in _types(branch))]
    if not fitting:
        names = dict.fromkeys(name for branch in branches for name in _types(branch))
        yield Fault(path, f"must be {' or '.join(_article(name) for name in names)}", value)
        return
    faults = [first_fault(value, branch, path) for branch in fitting]
    if None not in faults and faults[0] is not None:
        yield faults[0]


def _discriminated(value: Any, schema: Schema, path: Path) -> Iterator[Fault]:
    name = schema["discriminator"]["propertyName"]
    if not isinstance(value, dict) or name not in value:
        yield Fault((*path, name), "is required", value)
        return
    branches = [b for b in schema["oneOf"] if value[name] in b["properties"][name]["enum"]]
    if branches:
        yield from _faults(value, branches[0], path)
    else:
        known = [choice for branch in schema["oneOf"] for choice in branch["properties"][name]["enum"]]
        yield Fault((*path, name), f"must be one of {', '.join(map(repr, known))}", value[name])
