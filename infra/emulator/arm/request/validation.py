"""Checks request bodies against Microsoft's API documents, by operation and api-version.

`request_schemas.json` is derived from them by `scripts/request_schemas.py`, which explains its format. As on Azure,
unknown fields and fields that only the service writes are ignored, not refused, and a number is accepted where a string
is expected: the SDK itself sends `hash_version` that way.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from infra.emulator.arm.call import INVALID
from infra.emulator.errors import ServiceError
from infra.emulator.state.store import Document

SCHEMAS = Path(__file__).with_name("request_schemas.json")
STABLE = "2024-04-01"
Violation = tuple[str, str]  # field and message
PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str, int, float),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
}
DOTNET = {"string": "String", "boolean": "Boolean", "integer": "Int32", "number": "Double", "object": "Object"}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "pattern": lambda value, limit: re.search(limit, value) is not None,
    "enum": lambda value, limit: value in limit,
}


def checked(method: str, pattern: str, version: str, body: Any) -> Any:
    """The body without the fields that the service ignores; 400 with every violation in its details.

    Operations that are in no document are checked by their handlers alone.
    """
    operations, models = _document(version)
    operation = operations.get(f"{method} {pattern}")
    if operation is None:
        return body
    if body is None:
        found = [("", "A non-empty request body is required.")] if operation["required"] else []
    else:
        found = list(violations(models, operation["body"], body, ""))
    if found:
        details = [{"code": "ValidationError", "message": message, "target": where} for where, message in found]
        raise ServiceError(400, "BadRequest", INVALID, target=found[0][0], details=details)
    return _known(models, operation["body"], body, deep=True)


def violations(models: Document, kind: Any, value: Any, where: str) -> Iterator[Violation]:
    """The violations in a value that should be of this type."""
    if isinstance(kind, str) and kind.startswith("#"):
        yield from _of_model(models, models[kind[1:]], value, where)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield _wrong_type(value, "Array", where)
            return
        for index, item in enumerate(value):
            yield from violations(models, kind[0], item, f"{where}[{index}]")
    elif isinstance(kind, dict) and "map" in kind:
        if not isinstance(value, dict):
            yield _wrong_type(value, "Object", where)
            return
        for name, item in value.items():
            if item is not None:
                yield from violations(models, kind["map"], item, _below(where, name))
    else:
        yield from _of_scalar(kind, value, where)


def _known(models: Document, kind: Any, value: Any, *, deep: bool) -> Any:
    """A resource without unknown fields, at its top and in `properties`; deeper levels are left to the handlers."""
    if not isinstance(value, dict) or not isinstance(kind, str) or not kind.startswith("#"):
        return value
    model = models[kind[1:]]
    if chosen := model.get("by"):
        model = models[chosen["models"].get(value[chosen["field"]], kind)[1:]]
    fields = model.get("fields", {})
    kept = {name: inner for name, inner in value.items() if name in fields}
    if deep and "properties" in kept:
        kept["properties"] = _known(models, fields["properties"], kept["properties"], deep=False)
    return kept


def _of_model(models: Document, model: Document, value: Any, where: str) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield _wrong_type(value, "Object", where)
        return
    for name in model.get("required", []):
        if value.get(name) is None:
            yield _below(where, name), f"The {name} field is required."
    fields = model.get("fields", {})
    if chosen := model.get("by"):
        given = value.get(chosen["field"])
        concrete = chosen["models"].get(given) if isinstance(given, str) else None
        if concrete:
            yield from _of_model(models, models[concrete[1:]], value, where)
            return
        if given is not None and (not isinstance(given, str) or given not in chosen["models"]):
            known = ", ".join(chosen["models"])
            yield (
                _below(where, chosen["field"]),
                f"The {chosen['field']} '{given}' is not supported. Supported values: {known}.",
            )
            return
    for name, kind in fields.items():
        if value.get(name) is not None:
            yield from violations(models, kind, value[name], _below(where, name))


def _of_scalar(kind: Any, value: Any, where: str) -> Iterator[Violation]:
    rules = kind if isinstance(kind, dict) else {"type": kind}
    name = rules["type"]
    if name == "any":
        return
    if not isinstance(value, PYTHON[name]) or (isinstance(value, bool) and name not in ("boolean", "string")):
        yield _wrong_type(value, DOTNET[name], where)
        return
    if name == "string":
        value = str(value)
    for rule, fits in COMPARE.items():
        if rule in rules and not fits(value, rules[rule]):
            yield where, f"The field {where.rpartition('.')[2]} must keep the rule {rule}: {rules[rule]}."


def _wrong_type(value: Any, wanted: str, where: str) -> Violation:
    shown = json.dumps(value)[:80]
    return where, f"Error converting value {shown} to type 'System.{wanted}'. Path '{where}'."


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _document(version: str) -> tuple[Document, Document]:
    """The document of an api-version: the stable one also for the SDK's older previews, which have its shape."""
    documents = _read()
    chosen = documents[STABLE if version[:10] <= STABLE else max(documents)]
    return chosen["operations"], chosen["models"]


@cache
def _read() -> dict[str, Document]:
    documents: dict[str, Document] = json.loads(SCHEMAS.read_text())
    return documents
