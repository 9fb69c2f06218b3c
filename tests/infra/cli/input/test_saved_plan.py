"""A saved plan comes back as it was, and nothing else is taken for one."""

import json
from pathlib import Path

import pytest

from infra.cli.input.saved_plan import BadPlanFile, read_plan, write_plan
from infra.planning.plan import Action, Change, FieldChange, Plan

PLAN = Plan(
    "smollm2",
    (
        Change(Action.CREATE, "endpoint", "e", "is not there", planned_against="absent"),
        Change(
            Action.REPLACE,
            "deployment",
            "blue",
            "the VM size changes",
            (FieldChange("instance_type", "a", "b", forces_replace=True), FieldChange("tags", None, {"k": ["v"]})),
            planned_against="f1",
        ),
    ),
)


def test_it_comes_back_with_what_it_was_planned_against(tmp_path: Path) -> None:
    write_plan(PLAN, tmp_path / "plan.json")
    back = read_plan(tmp_path / "plan.json")
    assert back == PLAN
    assert [change.planned_against for change in back.changes] == ["absent", "f1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "not a saved plan", id="empty"),
        pytest.param("[]", "not a saved plan", id="a-list"),
        pytest.param('{"version": 2}', "plan version 2", id="a-later-version"),
        pytest.param('{"version": 1, "stack": "s"}', "'changes' is missing", id="no-changes"),
        pytest.param('{"version": 1, "stack": "s", "changes": [{"action": "burn"}]}', "burn", id="unknown-action"),
        pytest.param('"text"', "its parts have the wrong types", id="a-text"),
        pytest.param('{"version": 1, "stack": "s", "changes": ["x"]}', "parts have the wrong types", id="no-change"),
        pytest.param("[" * 9000 + "]" * 9000, "nested too deeply", id="nested"),
        pytest.param(
            json.dumps({"version": 1, **PLAN.to_json()}), "'planned_against' is missing", id="printed-instead-of-saved"
        ),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadPlanFile, match=said) as error:
        read_plan(tmp_path / "plan.json")
    assert error.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadPlanFile, match="not a saved plan"):
        read_plan(tmp_path / "none.json")
