"""What every response and every stream of events must be: valid by OpenAI's types and by the Open Responses document.

- `check_response(document)`: a response object, of any status. It is `Response` of the `openai` package, and the
  document's `ResponseResource` as far as the document knows what is in it (it knows functions only).
- `read_events(body)`: the events of a stream's bytes, whose framing is checked.
- `check_events(events)`: a whole stream from `response.created` to its one terminal event; returns its last response.
- `check_events(events, first=N)`: a stream that goes on from event `N`; what came before is not known.

All raise AssertionError. `grammar.py` has the order of the events.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

from tests.scoring.responses.grammar import check_order

DOCUMENT = Path(__file__).with_name("openresponses-2026-04-24.json")
KNOWN_ITEMS = {"message", "function_call", "function_call_output", "reasoning", "compaction"}
KNOWN_CHOICES = ("auto", "none", "required")
# The openai package's names of these events, which its clients count; the document has others for them.
RENAMED = {
    "response.reasoning_text.delta": "response.reasoning.delta",
    "response.reasoning_text.done": "response.reasoning.done",
}
FINAL = ("completed", "incomplete", "failed", "cancelled")
OPENAIS_EFFORTS = ("minimal", "max")
OPEN_ITEMS_ALLOWED = {"apply_patch_call"}  # OpenAI's types have no status for one that was cut


def check_response(document: Mapping[str, Any]) -> None:
    """Check a response object, as stored, whole or within an event."""
    check_openai(Response, document)
    check_document("ResponseResource", _as_known(document))
    status = document["status"]
    assert (document["error"] is not None) == (status == "failed"), f"{status} with error {document['error']}"
    cut = document["incomplete_details"] is not None
    assert cut == (status == "incomplete"), f"{status} with incomplete_details {document['incomplete_details']}"
    assert (document["completed_at"] is not None) == (status == "completed"), f"{status}: {document['completed_at']}"
    ids = [item["id"] for item in document["output"]]
    assert len(set(ids)) == len(ids), f"two items have one id: {ids}"
    for item in document["output"] if status in FINAL else ():
        check_ended(item)
    if usage := document["usage"]:
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
        assert usage["input_tokens_details"]["cached_tokens"] <= usage["input_tokens"], usage
        assert usage["output_tokens_details"]["reasoning_tokens"] <= usage["output_tokens"], usage


def check_ended(item: Mapping[str, Any]) -> None:
    """Check that an item is not under way any more."""
    assert item.get("status") != "in_progress" or item["type"] in OPEN_ITEMS_ALLOWED, f"not ended: {item}"


def read_events(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream; each is two lines, `event:` and `data:`, and none is `[DONE]`."""
    assert body.endswith(b"\n\n"), f"ends within an event: {body[-80:]!r}"
    events = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        assert data.startswith("data: {"), f"no event: {block[:200]}"
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}", f"{name} before {data[:200]}"
    return events


def check_events(events: Sequence[Mapping[str, Any]], first: int = 0) -> dict[str, Any]:
    """Check all events of a response, or those from the one with the number `first`; return the last response."""
    assert events, "no events"
    for event in events:
        check_event(event)
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(first, first + len(events))), f"numbered {numbers}"
    if first == 0:
        check_order(events)
    last: dict[str, Any] = events[-1]["response"]
    check_response(last)
    return last


def check_event(event: Mapping[str, Any]) -> None:
    """Check one event by both documents."""
    check_openai(ResponseStreamEvent, event)
    named = {**event, "type": RENAMED.get(event["type"], event["type"])}
    name = _schemas_of_events().get(named["type"])
    if "response" in named:
        named["response"] = _as_known(event["response"])
        check_response(event["response"])
    if name is not None and named.get("item", {"type": "message"})["type"] in KNOWN_ITEMS:
        check_document(name, named)


def _as_known(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response without the items and tools that the Open Responses document has no words for."""
    known = copy.deepcopy(dict(document))
    known["output"] = [item for item in document["output"] if item["type"] in KNOWN_ITEMS]
    known["tools"] = [tool for tool in document["tools"] if tool["type"] == "function"]
    choice = document["tool_choice"]
    if isinstance(choice, dict) and choice["type"] not in ("function", "allowed_tools"):
        known["tool_choice"] = "auto"
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        known["tool_choice"]["tools"] = [tool for tool in choice["tools"] if tool["type"] == "function"]
    if isinstance(document["text"].get("format"), dict) and document["text"]["format"]["type"] == "grammar":
        known["text"]["format"] = {"type": "text"}
    if "schema" in known["text"].get("format", {}):
        known["text"]["format"]["schema"] = None  # the document allows no other, OpenAI none but an object
    if (document["reasoning"] or {}).get("effort") in OPENAIS_EFFORTS:
        known["reasoning"]["effort"] = "low"
    return known


def check_openai(kind: Any, document: Mapping[str, Any]) -> None:
    """Check anything that a type of the `openai` package describes."""
    try:
        _adapter(kind).validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        # A union complains of each of its members: the complaints that go deepest are those that count.
        deepest = sorted(error.errors(), key=lambda one: -len(one["loc"]))[:3]
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in deepest]
        raise AssertionError(f"no {kind}: {told} in {json.dumps(document)[:400]}") from error


def check_document(name: str, document: Mapping[str, Any]) -> None:
    """Check anything that a schema of the Open Responses document describes."""
    faults = [f"{fault.json_path}: {fault.message[:200]}" for fault in _validator(name).iter_errors(document)]
    assert not faults, f"no {name} of Open Responses: {faults[:3]} in {json.dumps(document)[:400]}"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _document()["components"]})


@cache
def _schemas_of_events() -> dict[str, str]:
    schemas = _document()["components"]["schemas"]
    named = {name: schema for name, schema in schemas.items() if name.endswith("StreamingEvent")}
    return {schema["properties"]["type"]["enum"][0]: name for name, schema in named.items()}
