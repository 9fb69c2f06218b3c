"""What people see: plans, documents, tables; all of it readable without colour."""

import pytest

from infra.cli.terminal.output import table
from infra.cli.terminal.style import Painter, without_control_characters
from infra.cli.views.document import document_text
from infra.cli.views.plan import plan_text
from infra.planning.plan import Action, Change, FieldChange, Plan

PLAIN = Painter(False)
CHANGES = (
    Change(Action.CREATE, "connection", "HuggingFaceTokenConnection", reason="is not there"),
    Change(
        Action.UPDATE,
        "deployment",
        "blue",
        reason="differs from the spec",
        diff=(FieldChange("instance_count", 1, 2), FieldChange("tags.a", None, "b")),
    ),
    Change(
        Action.REPLACE,
        "deployment",
        "green",
        diff=(FieldChange("instance_type", "Standard_A", "Standard_B", forces_replace=True),),
    ),
    Change(Action.DELETE, "endpoint", "old"),
    Change(Action.NONE, "connection", "Theirs", reason="used as it is"),
    Change(Action.NONE, "environment", "gatelift-vllm", reason="as desired"),
)
AS_TEXT = """\
  + create   connection   HuggingFaceTokenConnection
      is not there
  ~ update   deployment   blue
      differs from the spec
      instance_count: 1 → 2
      tags.a: b
-/+ replace  deployment   green
      instance_type: Standard_A → Standard_B  (forces the replacement)
  - delete   endpoint     old
  = none     connection   Theirs
      used as it is
  = none     environment  gatelift-vllm

Plan: 1 to create, 1 to update, 1 to replace, 1 to delete."""


def test_a_plan_without_colour() -> None:
    assert plan_text(Plan("s", CHANGES).to_json(), PLAIN) == AS_TEXT


def test_colour_adds_nothing_but_colour() -> None:
    coloured = plan_text(Plan("s", CHANGES).to_json(), Painter(True))
    assert "\x1b[32m" in coloured
    stripped = coloured
    for code in ("0", "1", "2", "31", "32", "33", "34", "36"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == AS_TEXT


@pytest.mark.parametrize("changes", [(), CHANGES[-1:]], ids=["no-resource", "all-as-they-should-be"])
def test_a_plan_with_nothing_to_do_says_so(changes: tuple[Change, ...]) -> None:
    assert plan_text(Plan("s", changes).to_json(), PLAIN).splitlines()[-1] == "No changes."


def test_a_long_value_does_not_fill_the_screen() -> None:
    change = Change(Action.UPDATE, "model", "m", diff=(FieldChange("description", "a" * 500, {"k": ["b" * 500]}),))
    assert max(len(line) for line in plan_text(Plan("s", (change,)).to_json(), PLAIN).splitlines()) < 240


def test_a_document_has_headings_tables_and_plain_values() -> None:
    document = {
        "stack": "s",
        "local": True,
        "endpoint": {"name": "e", "state": "Succeeded", "traffic": {"blue": 100}, "scoring_uri": None},
        "deployments": [{"name": "blue", "restarts": 1, "note": None}, {"name": "green", "restarts": 0, "note": None}],
        "drift": [],
    }
    assert document_text(document, PLAIN) == (
        "stack  s\nlocal  yes\ndrift  none\n\n"
        "endpoint\n  name         e\n  state        Succeeded\n  traffic      blue 100\n  scoring uri  none\n\n"
        "deployments\n  name   restarts\n  blue   1\n  green  0"
    )


def test_a_table_aligns_and_leaves_no_space_at_the_end() -> None:
    assert table(("a", "b"), [("long", "x"), ("s", "")], PLAIN) == "a     b\nlong  x\ns"


def test_what_a_server_sends_does_not_drive_the_terminal() -> None:
    assert without_control_characters("a\x1b[2Jb\tc\nd é") == "a\\x1b[2Jb\tc\nd é"
