"""The JSON schema for editors is up to date, and the examples satisfy it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from infra.spec.file import load_spec
from infra.spec.model import spec_json_schema

SHIPPED = "infra/spec/spec.schema.json"


@pytest.fixture
def shipped_schema(repository: Path) -> dict[str, Any]:
    return dict(json.loads((repository / SHIPPED).read_text(encoding="utf-8")))


def test_the_shipped_schema_is_current(shipped_schema: dict[str, Any]) -> None:
    assert shipped_schema == spec_json_schema(), f"write json.dumps(spec_json_schema(), indent=2) to {SHIPPED}"


def test_an_editor_sees_an_unknown_key(shipped_schema: dict[str, Any], spec_values: dict[str, Any]) -> None:
    validator = Draft202012Validator(shipped_schema)
    assert list(validator.iter_errors(spec_values)) == []
    assert [error.message for error in validator.iter_errors({**spec_values, "modle": 1})] != []


@pytest.mark.parametrize(
    ("section", "values"),
    [
        pytest.param("deployment", {"instance_count": 0}, id="too-few"),
        pytest.param("deployment", {"instance_count": 51}, id="too-many"),
        pytest.param("deployment", {"liveness_probe": {"period": 0}}, id="limit-of-what-may-be-null"),
        pytest.param("endpoint", {"auth_mode": "keys"}, id="none-of-the-choices"),
        pytest.param("endpoint", {"tags": {"team": 1}}, id="number-for-text"),
        pytest.param("catalog", {"invisible_until": "2026-01-16"}, id="not-a-moment"),
        pytest.param("model", {}, id="missing"),
    ],
)
def test_an_editor_sees_a_wrong_value(
    shipped_schema: dict[str, Any], spec_values: dict[str, Any], section: str, values: dict[str, Any]
) -> None:
    written = {**spec_values, section: {**spec_values[section], **values} if values else {}}
    assert [error.message for error in Draft202012Validator(shipped_schema).iter_errors(written)] != []


def test_the_examples_pass_in_an_editor(shipped_schema: dict[str, Any], repository: Path) -> None:
    validator = Draft202012Validator(shipped_schema)
    for path in sorted((repository / "examples").glob("*.yaml")):
        text = re.sub(r"invisible_until: (\S+)", r'invisible_until: "\1"', path.read_text(encoding="utf-8"))
        document = YAML(typ="safe", pure=True).load(text)
        assert [error.message for error in validator.iter_errors(document)] == [], path
        assert load_spec(path, environ={}, local=True).name == document["name"]
