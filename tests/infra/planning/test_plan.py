"""Planning: which differences lead to which change, and what is not touched."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from infra.errors import Refused
from infra.planning.plan import Action, differences, make_plan, plan_one
from infra.resources.base import Live, State, merged_tags, owned
from tests.infra import things

STATE = {"name": "thing", "count": 1, "size": "small", "map": {"a": "1"}, "tags": {"team": "x"}}


class Thing(things.Thing):
    updatable: ClassVar[frozenset[str]] = frozenset({"count", "map", "tags"})
    exact: ClassVar[frozenset[str]] = frozenset({"map"})

    def __init__(self, state: State, *, shared: bool = False) -> None:
        super().__init__(state)
        self.shared = shared  # type: ignore[misc]


def live(changes: dict[str, Any] | None = None, owner: str = "demo", provisioning: str = "Succeeded") -> Live:
    return Live({**owned(STATE, "demo"), **(changes or {})}, owner, provisioning)


def test_what_is_not_there_is_created_and_shows_every_field() -> None:
    change = plan_one("demo", Thing(STATE), None)
    assert change.action is Action.CREATE
    assert {"count", "map.a", "tags.team"} <= set(change.fields)


def test_a_converged_resource_needs_nothing() -> None:
    change = plan_one("demo", Thing(STATE), live())
    assert (change.action, change.fields) == (Action.NONE, [])


@pytest.mark.parametrize(
    ("changed", "action", "fields"),
    [
        pytest.param({"count": 2}, Action.UPDATE, ["count"], id="updatable-field"),
        pytest.param({"size": "large"}, Action.REPLACE, ["size"], id="create-only-field"),
        pytest.param({"size": "large", "count": 2}, Action.REPLACE, ["count", "size"], id="both"),
        pytest.param({"map": {"a": "2"}}, Action.UPDATE, ["map.a"], id="inside-a-map"),
        pytest.param({"map": {"a": "1", "b": "2"}}, Action.UPDATE, ["map.b"], id="a-key-too-many-in-an-exact-map"),
        pytest.param({"extra": "from Azure"}, Action.NONE, [], id="azure-fills-in"),
        pytest.param({"tags": {"team": "x", "cost": "7"}}, Action.NONE, [], id="foreign-tag"),
        pytest.param({"tags": {}}, Action.UPDATE, ["tags.team"], id="our-tag-gone"),
    ],
)
def test_a_live_difference_decides_the_action(changed: dict[str, Any], action: Action, fields: list[str]) -> None:
    change = plan_one("demo", Thing(STATE), live(changed))
    assert (change.action, change.fields) == (action, fields)


def test_the_field_that_forces_replacement_is_named() -> None:
    change = plan_one("demo", Thing(STATE), live({"size": "large"}))
    assert "size cannot change in place" in change.reason
    assert [c.path for c in change.diff if c.forces_replace] == ["size"]


def test_a_tag_deleted_from_the_spec_is_removed_and_one_of_others_stays() -> None:
    before = live({"tags": {**owned(STATE, "demo")["tags"], "cost": "7"}})
    change = plan_one("demo", Thing({**STATE, "tags": {}}), before)
    assert change.fields == ["tags.team"]
    assert "team" not in merged_tags(before.state["tags"], Thing({**STATE, "tags": {}}).desired["tags"])
    assert merged_tags(before.state["tags"], {})["cost"] == "7"


@pytest.mark.parametrize(
    ("provisioning", "action"),
    [
        pytest.param("Failed", Action.UPDATE, id="failed-is-put-again"),
        pytest.param("Canceled", Action.UPDATE, id="canceled-is-put-again"),
        pytest.param("Creating", Action.NONE, id="running-is-waited-for"),
    ],
)
def test_the_provisioning_state_counts(provisioning: str, action: Action) -> None:
    assert plan_one("demo", Thing(STATE), live(provisioning=provisioning)).action is action


@pytest.mark.parametrize("owner", ["", "other"])
def test_what_is_not_ours_is_refused(owner: str) -> None:
    with pytest.raises(Refused) as error:
        plan_one("demo", Thing(STATE), live(owner=owner))
    assert error.value.code == "not_ours"


def test_a_shared_resource_is_used_whoever_created_it() -> None:
    assert plan_one("demo", Thing(STATE, shared=True), live(owner="other")).action is Action.NONE


def test_deployments_that_leave_are_deleted_last_and_in_order() -> None:
    plan = make_plan("demo", [Thing(STATE)], {}, ["green", "azure"])
    assert [(c.action, c.name) for c in plan.changes] == [
        (Action.CREATE, "thing"),
        (Action.DELETE, "azure"),
        (Action.DELETE, "green"),
    ]


def test_a_plan_is_the_same_json_every_time() -> None:
    def documents(states: Sequence[State]) -> list[str]:
        return [json.dumps(make_plan("demo", [Thing(state)], {}).to_json()) for state in states]

    assert len(set(documents([STATE, dict(reversed(list(STATE.items())))]))) == 1


def test_keys_with_dots_are_found() -> None:
    found = list(differences({"map": {"a.b": "1"}}, {"map": {"a.b": "1"}}, frozenset(), frozenset()))
    assert found == []
