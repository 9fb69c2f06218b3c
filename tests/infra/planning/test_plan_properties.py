"""Properties of every plan: once applied nothing is left to do, order is irrelevant, resources of others stay."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.errors import Refused
from infra.hub.facts import ModelFacts
from infra.paths import bundled
from infra.planning.desired import Sources, desired_resources
from infra.planning.observe import Observed
from infra.planning.plan import NOT_COMPARED, Action, Change, leaves, look_up, make_plan, plan_one
from infra.planning.prepare import Desired, Prepared, plan_against
from infra.planning.sources.found import Found
from infra.resources.base import NAMES_TAG, OWNER_TAG, PREVIOUS_TAG, Live, Resource, State, merged_tags, owned
from infra.resources.endpoint import with_live
from infra.resources.traffic import Traffic, nonzero
from infra.spec.model import StackSpec, spec_from, to_values
from tests.infra import things

EXAMPLES = settings(max_examples=100, deadline=None)
FEWER = settings(max_examples=40, deadline=None)
NAMES = st.sampled_from(["blue", "green", "amber", "count", "size", "map", "note"])
VALUES = st.one_of(st.integers(0, 3), st.sampled_from(["", "a", "b", "1"]))
TEXTS = st.dictionaries(NAMES, st.sampled_from(["a", "b", "c"]), max_size=3)
STATES = st.dictionaries(NAMES, st.one_of(VALUES, TEXTS), max_size=5)
FACTS = ModelFacts("org/Gated_Model", "a" * 40, gated=True, license="mit")
SIZES = ("Standard_NC24ads_A100_v4", "standard_nc24ADS_a100_v4", "Standard_NC48ads_A100_v4")
OWNERS = st.sampled_from(["demo", "demo", "demo", "other", ""])


class Thing(things.Thing):
    """A made-up resource: some fields can change in place, and in some a key of others counts as a difference."""

    def __init__(self, name: str, state: State, updatable: frozenset[str], exact: frozenset[str]) -> None:
        super().__init__(state, name)
        self.updatable: ClassVar[frozenset[str]] = updatable | {"tags"}  # type: ignore[misc]
        self.exact: ClassVar[frozenset[str]] = exact  # type: ignore[misc]


def applied(change: Change, resource: Resource, live: Live | None) -> Live | None:
    """The live state after a change: as on Azure, written fields are replaced and others stay."""
    if change.action is Action.NONE:
        return live
    if live is None or change.action in (Action.CREATE, Action.REPLACE):
        return Live(resource.desired, "demo")
    wanted = {**resource.desired, **resource.settle(live)}
    tags = {"tags": merged_tags(live.state.get("tags"), wanted.get("tags"))} if "tags" in wanted else {}
    return Live({**live.state, **wanted, **tags}, live.owner)


@st.composite
def things(draw: st.DrawFn) -> Thing:
    state = draw(STATES) | {"tags": draw(TEXTS)}
    fields = st.frozensets(st.sampled_from(sorted(state)))
    return Thing(draw(NAMES), state, draw(fields), draw(fields) - {"tags"})


@st.composite
def lives(draw: st.DrawFn, owner: str = "demo") -> Live | None:
    if draw(st.integers(0, 4)) == 0:
        return None
    ours = draw(TEXTS)
    tags = {**draw(TEXTS), **ours, OWNER_TAG: f"{owner}@x"} | ({NAMES_TAG: ",".join(sorted(ours))} if ours else {})
    provisioning = draw(st.sampled_from(["Succeeded", "Succeeded", "Failed", "Canceled"]))
    return Live({**draw(STATES), "tags": tags}, owner, provisioning)


@EXAMPLES
@given(things(), lives())
def test_after_applying_there_is_nothing_to_do(thing: Thing, live: Live | None) -> None:
    change = plan_one("demo", thing, live)
    there = applied(change, thing, live)
    after = plan_one("demo", thing, there)
    assert (after.action, after.fields) == (Action.NONE, [])
    assert there is not None
    wanted = {path: value for path, value in leaves(thing.desired) if path not in NOT_COMPARED}
    assert {path: look_up(there.state, path) for path in wanted} == wanted


@FEWER
@given(st.lists(st.tuples(things(), lives()), max_size=5, unique_by=lambda pair: pair[0].name), st.randoms())
def test_the_order_of_resources_and_of_keys_says_nothing(
    pairs: list[tuple[Thing, Live | None]], chance: random.Random
) -> None:
    def planned(order: Sequence[tuple[Thing, Live | None]]) -> dict[str, tuple[Change, str]]:
        found = {(thing.kind, thing.name): live for thing, live in order}
        changes = make_plan("demo", [thing for thing, _ in order], found).changes
        return {change.name: (change, change.planned_against) for change in changes}

    shuffled = [(turned(thing), live and replace(live, state=mixed(live.state, chance))) for thing, live in pairs]
    chance.shuffle(shuffled)
    assert planned(shuffled) == planned(pairs)


@EXAMPLES
@given(things(), lives("other"), st.sampled_from(["other", ""]))
def test_what_others_own_is_refused(thing: Thing, live: Live | None, owner: str) -> None:
    if live is None:
        return
    with pytest.raises(Refused) as error:
        plan_one("demo", thing, replace(live, owner=owner))
    assert error.value.hint
    assert error.value.code == "not_ours"


@EXAMPLES
@given(TEXTS, TEXTS, TEXTS)
def test_tags_of_others_stay(foreign: dict[str, str], before: dict[str, str], now: dict[str, str]) -> None:
    foreign = {f"x-{name}": value for name, value in foreign.items()}
    live = {**foreign, **owned({"tags": before}, "demo")["tags"]}
    after = merged_tags(live, owned({"tags": now}, "demo")["tags"])
    assert {name: after[name] for name in foreign} == foreign
    assert {name for name in after if name in before and name not in now} == set()


@st.composite
def worlds(draw: st.DrawFn) -> tuple[StackSpec, Observed]:
    """A stack and its workspace, with resources of the stack, of another stack and of nobody, in any state."""
    spec = spec_of(draw(st.sampled_from(SIZES)), draw(st.integers(1, 3)), draw(TEXTS), draw(TEXTS), draw(st.booleans()))
    other = spec_of(draw(st.sampled_from(SIZES)), draw(st.integers(1, 3)), draw(TEXTS), draw(TEXTS), True)
    was = {resource.kind: resource for resource in resources(other)}
    names = draw(st.lists(st.sampled_from(["blue", "green", "blue-1234"]), max_size=3, unique=True))
    found = {}
    for name in names:
        owner, size = draw(OWNERS), draw(st.sampled_from(SIZES))
        state = {**was["deployment"].desired, "name": name, "instance_type": size}
        tags = {**state["tags"], OWNER_TAG: f"{owner}@x"} if owner else {"team": "theirs"}
        found[name] = Live({**state, "tags": tags}, owner, draw(st.sampled_from(["Succeeded", "Failed"])))
    serving = draw(st.sampled_from([*names, ""]))
    live: dict[tuple[str, str], Live | None] = {}
    for resource in resources(spec):
        there = resource.kind not in ("deployment", "traffic") and (resource.kind == "endpoint" or draw(st.booleans()))
        state = was[resource.kind].desired if resource.kind == "endpoint" else resource.desired
        live[resource.kind, resource.name] = Live({**state, "more": "Azure's"}, "demo") if there else None
    split = {serving: 100} if serving else {}
    if serving:
        live["traffic", "demo-endpoint"] = Live({"traffic": split})
    return spec, Observed("eastus", live, found, split, draw(st.sampled_from(["", *names])))


@EXAMPLES
@given(worlds())
def test_a_stack_converges_whatever_there_was_and_touches_nothing_of_others(world: tuple[StackSpec, Observed]) -> None:
    spec, observed = world
    theirs = {name: live for name, live in observed.deployments.items() if live.owner != "demo"}
    desired = Desired(spec, Found(FACTS), None, resources(spec))
    for _ in range(
        2
    ):  # a change of size takes a second plan, since the first one keeps the old deployment for a rollback
        refusal, prepared = planned_against(desired, observed)
        if prepared is None:
            assert any(f"deployment {name} " in refusal for name in theirs)
            return
        touched = [change for change in prepared.plan.changes if change.action is not Action.NONE]
        assert not [change for change in touched if change.kind == "deployment" and change.name in theirs]
        gone = [change.name for change in touched if change.action is Action.DELETE]
        assert set(gone) <= set(observed.deployments) - set(theirs)
        observed = carried_out(prepared)
        assert {name: observed.traffic.get(name) for name in theirs} == {
            name: prepared.observed.traffic.get(name) for name in theirs
        }
        assert not set(gone) & set(observed.traffic)
        assert {name: observed.deployments[name] for name in theirs} == theirs
    left = plan_against(desired, observed).plan
    assert not left.has_changes, left.to_json()


@FEWER
@given(worlds(), st.randoms())
def test_the_order_in_which_a_spec_is_written_and_things_are_found_says_nothing(
    world: tuple[StackSpec, Observed], chance: random.Random
) -> None:
    spec, observed = world
    turned_spec = spec_from(mixed(to_values(spec), chance))
    seen = replace(observed, live=mixed(observed.live, chance), deployments=mixed(observed.deployments, chance))

    def planned(spec: StackSpec, observed: Observed) -> Any:
        refusal, found = planned_against(Desired(spec, Found(FACTS), None, resources(spec)), observed)
        return found.plan.to_json() if found else refusal

    assert planned(turned_spec, seen) == planned(spec, observed)


def planned_against(desired: Desired, observed: Observed) -> tuple[str, Prepared | None]:
    """The plan, or the error that refuses it because a name belongs to somebody else."""
    try:
        return "", plan_against(desired, observed)
    except Refused as error:
        return str(error), None


def carried_out(prepared: Prepared) -> Observed:
    """What exists after the plan has been applied, as `apply` and the resources do it."""
    live, found = dict(prepared.observed.live), dict(prepared.observed.deployments)
    split, previous = dict(prepared.observed.traffic), prepared.observed.previous
    changes = {(change.kind, change.name): change for change in prepared.plan.changes}
    for resource in prepared.resources:
        change, before = changes[resource.kind, resource.name], prepared.observed.of(resource)
        if isinstance(resource, Traffic):
            if change.action is not Action.NONE:
                state = resource.settle(before) if before else resource.desired
                split, previous = nonzero(state["traffic"]), resource.previous
                live[resource.kind, resource.name] = Live({"traffic": split})
        elif resource.kind == "deployment":
            if (after := applied(change, resource, before)) is not None:
                found[resource.name] = after
        elif resource.kind == "endpoint" and before is not None and change.action is Action.UPDATE:
            live[resource.kind, resource.name] = Live(
                {**before.state, **with_live(resource.desired, before)}, before.owner
            )
        else:
            live[resource.kind, resource.name] = applied(change, resource, before)
    for change in prepared.plan.changes:
        if change.action is Action.DELETE:
            found.pop(change.name)
    endpoint = live["endpoint", "demo-endpoint"]
    if endpoint and previous:
        tags = {**endpoint.state["tags"], PREVIOUS_TAG: previous}
        live["endpoint", "demo-endpoint"] = replace(endpoint, state={**endpoint.state, "tags": tags})
    return replace(prepared.observed, live=live, deployments=found, traffic=split, previous=previous)


def resources(spec: StackSpec) -> list[Resource]:
    folder = bundled("environments") / "vllm"
    return desired_resources(
        spec, Found(FACTS), None, Sources(folder, folder, "pins.yaml"), "https://huggingface.co/org/x"
    )


def spec_of(size: str, count: int, variables: dict[str, str], tags: dict[str, str], keep: bool) -> StackSpec:
    return spec_from(
        {
            "name": "demo",
            "model": {"id": "org/Gated_Model"},
            "workspace": {
                "subscription_id": "00000000-0000-0000-0000-000000000001",
                "resource_group": "group",
                "name": "workspace",
            },
            "endpoint": {"name": "demo-endpoint", "tags": tags},
            "deployment": {
                "instance_type": size,
                "instance_count": count,
                "environment_variables": {name.upper(): value for name, value in variables.items()},
                "keep_previous": keep,
            },
        }
    )


def mixed(found: Mapping[Any, Any], chance: random.Random) -> dict[Any, Any]:
    """The same mapping with its keys in another order, at every level."""
    keys = list(found)
    chance.shuffle(keys)
    return {key: mixed(found[key], chance) if isinstance(found[key], Mapping) else found[key] for key in keys}


def turned(thing: Thing) -> Thing:
    """The same resource with its keys in reverse order."""
    other = Thing(thing.name, {}, thing.updatable, thing.exact)
    other.state = dict(reversed(list(thing.state.items())))
    return other
