"""Bounds that no 64-bit integer meets are refused before vLLM's guided decoding can fail on them."""

import json
from typing import Any

import pytest

from scoring.checks.schema_bounds import check_schema_bounds
from scoring.problems import Problem


def chat(**bounds: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": {"type": "integer", **bounds}}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


CHAT_PATH = "response_format.json_schema.schema.properties.a"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"items": [{"minimum": 1e30}]}}}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        pytest.param(chat(minimum=1e30, maximum=1e31), f"{CHAT_PATH}.minimum", id="both-too-high"),
        pytest.param(chat(minimum=-1e31, maximum=-1e30), f"{CHAT_PATH}.maximum", id="both-too-low"),
        pytest.param(chat(maximum=-(2**63) + 1), f"{CHAT_PATH}.maximum", id="rounds-to-the-end"),
        pytest.param(chat(exclusiveMinimum=10**400), f"{CHAT_PATH}.exclusiveMinimum", id="more-than-a-double"),
        pytest.param({"tools": [TOOL]}, "tools.0.function.parameters.items.0.minimum", id="tool"),
        pytest.param({"text": {"format": {"schema": {"maximum": -1e19}}}}, "text.format.schema.maximum", id="text"),
        pytest.param({"structured_outputs": {"json": {"minimum": 1e30}}}, "structured_outputs.json.minimum", id="json"),
        pytest.param(
            {"structured_outputs": {"json": json.dumps({"maximum": -1e30})}},
            "structured_outputs.json.maximum",
            id="json-as-text",
        ),
        pytest.param(
            {"structured_outputs": {"grammar": 'start: %json {"m\\u0069nimum": -10000000000.0e10}'}},
            "structured_outputs.grammar",
            id="schema-in-a-grammar",
        ),
    ],
)
def test_out_of_reach(document: dict[str, Any], where: str) -> None:
    with pytest.raises(Problem) as caught:
        check_schema_bounds(document)
    assert (caught.value.status, caught.value.param) == (422, where)
    assert caught.value.details is not None
    assert caught.value.details["loc"] == ["body", *where.split(".")]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(chat(minimum=-(2**63), maximum=2**63 - 1), id="all-of-64-bits"),
        pytest.param(chat(minimum=0, maximum=2**64 - 1), id="unsigned"),
        pytest.param(chat(minimum=True), id="not-a-number"),
        pytest.param({"structured_outputs": {"json": "{"}}, id="broken-text"),
        pytest.param({"structured_outputs": {"grammar": 'start: "10000000000000000000"'}}, id="grammar-alone"),
        pytest.param({"response_format": None, "tools": "x"}, id="other-types"),
    ],
)
def test_within_reach(document: dict[str, Any]) -> None:
    check_schema_bounds(document)
