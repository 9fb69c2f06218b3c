"""Requests against the official documents: what they forbid gets Azure's 400, what they allow passes."""

import copy
import importlib.util
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from infra.emulator.arm.request.validation import SCHEMAS, violations
from infra.emulator.arm.request.validation import _document as shipped  # the table itself is what is looked at
from tests.infra.emulator.documents import SPECS

PLACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
# Every fifteenth will do from day to day: judging all of them takes a minute.
EVERY = int(os.environ.get("GATELIFT_REQUEST_SAMPLE", "15"))
WRONG: list[Any] = [[], "text"]


@pytest.mark.parametrize(
    ("method", "path", "body", "target", "words"),
    [
        pytest.param("PUT", "{lab}/onlineEndpoints/req", None, "", "A non-empty request body is required.", id="none"),
        pytest.param("PUT", "{lab}/onlineEndpoints/req", [], "", "to type 'System.Object'", id="no-object"),
        pytest.param(
            "PUT", "{lab}/onlineEndpoints/req", {"properties": {"authMode": "Key"}}, "location",
            "The location field is required.", id="no-location",
        ),
        pytest.param(
            "PUT", "{lab}/onlineEndpoints/req",
            {"location": "eastus", "properties": {"authMode": "Key", "traffic": {"a": "1"}}},
            "properties.traffic.a", "\"1\" to type 'System.Int32'", id="traffic-as-text",
        ),
        pytest.param(
            "PUT", "{lab}/onlineEndpoints/req",
            {"location": "eastus", "identity": {}, "properties": {"authMode": "Key"}},
            "identity.type", "The type field is required.", id="identity-without-type",
        ),
        pytest.param(
            "PUT", "{lab}/environments/req/versions/1", {"properties": {"image": ["a"]}}, "properties.image",
            "to type 'System.String'", id="image",
        ),
        pytest.param("PUT", "{lab}/models/req/versions/1", {}, "properties", "field is required", id="no-properties"),
        pytest.param(
            "PUT", "{lab}/connections/req", {"properties": {"authType": "Magic"}}, "properties.authType",
            "The authType 'Magic' is not supported. Supported values: ", id="discriminator",
        ),
        pytest.param(
            "POST", "{lab}/onlineEndpoints/req/regenerateKeys", {}, "keyType", "The keyType field is required.",
            id="key-type",
        ),
        pytest.param(
            "POST", "{lab}/onlineEndpoints/req/deployments/req/getLogs", {"tail": "many"}, "tail",
            "\"many\" to type 'System.Int32'", id="tail",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["2024-04-01", "2025-12-01"])
def test_a_wrong_request(
    arm: Any, request_place: None, version: str, method: str, path: str, body: Any, target: str, words: str
) -> None:
    answer = arm(method, path.format(lab=arm.lab), body, version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    details = {detail["target"]: detail["message"] for detail in answer.json()["error"]["details"]}
    assert words in details[target]


@pytest.fixture(scope="module")
def request_place(emulator: Any, connect: Any, arm_class: Any, bodies: Any) -> Iterator[None]:
    """An endpoint `req` with a deployment `req` that never comes up: requests to it are refused before."""
    with connect(emulator) as client:
        arm = arm_class(client)
        id, body = arm.endpoint("req"), bodies["deployment"](arm.assets())
        body["properties"]["environmentId"] = "/none"
        arm.finish(arm("PUT", f"{id}/deployments/req", body))
        yield
        arm.done("DELETE", id)


def test_an_unknown_field_and_a_number_for_a_string_pass(arm: Any) -> None:
    id = f"{arm.lab}/environments/lenient/versions/1"
    sent = {"properties": {"image": "a", "tags": {"n": 1}, "shiny": True}, "extra": 1}
    answer = arm("PUT", id, sent)
    arm.accepted.clear()  # the documents are stricter here than the service, on which the SDK relies
    assert answer.status_code == 201
    assert answer.json()["properties"]["tags"] == {"n": "1"}


def test_what_is_shipped_is_what_the_documents_say(repository: Path, documents: Any) -> None:
    found = importlib.util.spec_from_file_location("request_schemas", repository / "scripts" / "request_schemas.py")
    assert found
    assert found.loader
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    assert script.text_of(script.derive(SPECS)) == SCHEMAS.read_text(), "run scripts/request_schemas.py"


@pytest.mark.parametrize("version", ["2024-04-01", "2025-12-01"])
def test_the_short_form_decides_as_the_documents_do(documents: Any, version: str) -> None:
    operations, models = shipped(version)
    agreed = 0
    by_type = {entry["body"]: (operation, entry) for operation, entry in sorted(operations.items())}
    for operation, entry in by_type.values():
        method, _, pattern = operation.partition(" ")
        named = pattern.replace("{}", "name")
        url = f"{PLACE}/{named}?api-version={version}"
        for sample in islice(samples(models, entry["body"]), 0, None, EVERY):
            ours = list(violations(models, entry["body"], sample, ""))
            theirs = documents.request_violations(method, url, sample, "samples")
            if not ours and theirs and as_text(models, entry["body"], sample) != sample:
                continue  # a number where a string should be: the SDK relies on it
            if not theirs and ours and all("Supported values" in words for _, words in ours):
                continue  # the documents name the kinds there are, and let others pass
            assert bool(ours) == bool(theirs), (operation, sample, ours, theirs)
            agreed += 1
    assert agreed > 1200 / EVERY


def samples(models: Any, kind: str) -> Iterator[Any]:
    """A full valid body of each shape, and every body that comes of breaking it at one place."""
    for valid in valid_values(models, kind, 0):
        yield valid
        for place in places(valid):
            yield with_change(valid, place, None, drop=True)
            for value in WRONG:
                yield with_change(valid, place, value)


def valid_values(models: Any, kind: Any, depth: int) -> list[Any]:
    """Values of a type: of a model that is one of several, one each."""
    if isinstance(kind, list):
        return [[valid_values(models, kind[0], depth + 1)[0]]]
    if isinstance(kind, dict):
        if "map" in kind:
            return [{"key": valid_values(models, kind["map"], depth + 1)[0]}]
        return [kind["enum"][0] if "enum" in kind else valid_values(models, kind["type"], depth)[0]]
    if not kind.startswith("#"):
        return [{"string": "PT1S", "boolean": True, "integer": 1, "number": 0.5, "object": {}, "any": "x"}[kind]]
    model = models[kind[1:]]
    if chosen := model.get("by"):
        shapes = [(value, models[name[1:]]) for value, name in chosen["models"].items()]
        return [filled(models, shape, depth) | {chosen["field"]: value} for value, shape in shapes]
    if nested := [name for name, field in model.get("fields", {}).items() if is_one_of_several(models, field)]:
        base = filled(models, model, depth)
        return [base | {nested[0]: value} for value in valid_values(models, model["fields"][nested[0]], depth + 1)]
    return [filled(models, model, depth)]


def filled(models: Any, model: Any, depth: int) -> dict[str, Any]:
    fields = model.get("fields", {})
    wanted = fields if depth < 6 else {name: fields[name] for name in model.get("required", []) if name in fields}
    return {name: valid_values(models, kind, depth + 1)[0] for name, kind in wanted.items()}


def is_one_of_several(models: Any, kind: Any) -> bool:
    return isinstance(kind, str) and kind.startswith("#") and "by" in models[kind[1:]]


def as_text(models: Any, kind: Any, value: Any) -> Any:
    """The value with text where there should be text and is a number."""
    if isinstance(kind, list) and isinstance(value, list):
        return [as_text(models, kind[0], item) for item in value]
    if isinstance(kind, dict) and isinstance(value, dict) and "map" in kind:
        return {name: as_text(models, kind["map"], item) for name, item in value.items()}
    if isinstance(kind, str) and kind.startswith("#") and isinstance(value, dict):
        model = models[kind[1:]]
        if chosen := model.get("by"):
            model = models[chosen["models"].get(str(value.get(chosen["field"])), kind)[1:]]
        fields = model.get("fields", {})
        return {name: as_text(models, fields.get(name, "any"), item) for name, item in value.items()}
    name = kind["type"] if isinstance(kind, dict) and "type" in kind else kind
    return str(value) if name == "string" and isinstance(value, int | float) else value


def places(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*at, name)
            yield from places(inner, (*at, name))


def with_change(value: Any, place: tuple[str, ...], new: Any, *, drop: bool = False) -> Any:
    changed = copy.deepcopy(value)
    holder = changed
    for name in place[:-1]:
        holder = holder[name]
    if drop:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return changed
