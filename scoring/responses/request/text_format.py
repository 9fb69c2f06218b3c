"""`text`: the form of the answer, as the client says it, and as a chat request does."""

from typing import Any

from scoring.responses.request.values import (
    Check,
    an_object,
    boolean,
    identifier,
    members,
    missing,
    one_of,
    refused,
    schema,
    text,
)

VERBOSITIES = ("low", "medium", "high")
LONGEST_NAME = 64


JSON_SCHEMA: dict[str, Check] = {
    "type": text(),
    "name": identifier(LONGEST_NAME),
    "schema": schema,
    "strict": boolean,
    "description": text(),
}
FORMATS: dict[str, Check] = {
    "text": members({"type": text()}, closed=True),
    "json_object": members({"type": text()}, closed=True),
    "json_schema": members(JSON_SCHEMA, required=("name", "schema"), closed=True),
}


def _format(value: Any, place: str) -> dict[str, Any]:
    kind = an_object(value, place).get("type")
    if kind is None:
        raise missing(f"{place}.type", " or ".join(FORMATS))
    if not isinstance(kind, str) or kind not in FORMATS:
        raise refused(f"{place}.type", kind, "text, json_object or json_schema")
    kept: dict[str, Any] = FORMATS[kind](value, place)
    return kept


read_text = members({"format": _format, "verbosity": one_of(VERBOSITIES)}, closed=True)


def said_text(given: dict[str, Any]) -> dict[str, Any]:
    """Return `text` as the response object repeats it, with what both documents require."""
    form = given.get("format", {"type": "text"})
    if form["type"] == "json_schema":
        form = {"description": None, "strict": False, **form}
    return {"format": form, "verbosity": given.get("verbosity", "medium")}


def response_format(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the chat request's `response_format`, or None where any text will do."""
    form = given.get("format", {"type": "text"})
    if form["type"] == "text":
        return None
    if form["type"] == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {name: form[name] for name in form if name != "type"}}
