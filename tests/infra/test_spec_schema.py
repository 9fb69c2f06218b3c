"""The JSON schema that editors use is the one of the code, and the examples satisfy it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from infra.spec import spec_json_schema

SHIPPED = "infra/spec.schema.json"


@pytest.fixture
def shipped_schema(repository: Path) -> dict[str, Any]:
    return dict(json.loads((repository / SHIPPED).read_text(encoding="utf-8")))


def test_the_shipped_schema_is_current(shipped_schema: dict[str, Any]) -> None:
    assert shipped_schema == spec_json_schema(), f"write json.dumps(spec_json_schema(), indent=2) to {SHIPPED}"


def test_an_editor_sees_an_unknown_key(shipped_schema: dict[str, Any], spec_values: dict[str, Any]) -> None:
    validator = Draft202012Validator(shipped_schema)
    assert list(validator.iter_errors(spec_values)) == []
    assert [error.message for error in validator.iter_errors({**spec_values, "modle": 1})] != []


def test_references_to_the_environment_pass_in_an_editor(shipped_schema: dict[str, Any], repository: Path) -> None:
    for path in sorted((repository / "examples").glob("*.yaml")):
        text = path.read_text(encoding="utf-8").replace(".000Z", ".000Z")
        document = YAML(typ="safe", pure=True).load(
            text.replace("2026-01-16T00:00:00.000Z", '"2026-01-16T00:00:00.000Z"')
        )
        assert [error.message for error in Draft202012Validator(shipped_schema).iter_errors(document)] == [], path
