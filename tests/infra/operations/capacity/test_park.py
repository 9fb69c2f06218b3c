"""Parking a stack and waking it: what ran comes back as it was, and everybody knows meanwhile."""

from typing import Any

import pytest

from infra.errors import NotFound, Refused
from infra.operations.capacity.park import park, plan_park
from infra.operations.capacity.wake import wake
from infra.operations.connect import connect
from infra.operations.status import list_stacks, status
from infra.planning.rollout import sibling
from infra.reporter import Silent

LARGER = "Standard_NC48ads_A100_v4"


ASSETS = {"code", "environment", "image"}  # those of tests are not the ones that come along


def about_the_stack(found: dict[str, Any]) -> list[str]:
    """The warnings, but for what differs from the assets that come along."""
    return [warning for warning in found["warnings"] if "corrects it" not in warning]


def parked(bench: Any, spec: Any) -> dict[str, Any]:
    return dict(park(spec, bench.target(spec), reporter=Silent()).to_json())


def woken(bench: Any, spec: Any, **options: Any) -> Any:
    return wake(spec, bench.target(spec), reporter=Silent(), **options)


def documents(bench: Any, spec: Any) -> dict[str, Any]:
    """What Azure says of the stack's deployments, without what it writes itself."""
    target = bench.target(spec)
    found = target.arm.list(f"{target.workspace.endpoint(spec.endpoint.name)}/deployments")
    kept = ("tags", "sku", "location")
    return {
        each["name"]: {
            **{name: each.get(name) for name in kept},
            **{name: value for name, value in each["properties"].items() if name != "properties"},
        }
        for each in found
    }


def endpoint(bench: Any, spec: Any) -> dict[str, Any]:
    target = bench.target(spec)
    return dict(target.arm.get(target.workspace.endpoint(spec.endpoint.name)))


def change(bench: Any, spec: Any, deployment: str, **properties: Any) -> None:
    """What a person does by hand: another count, other variables."""
    target = bench.target(spec)
    id = target.workspace.deployment(spec.endpoint.name, deployment)
    document = target.arm.get(id)
    count = properties.pop("count", document["sku"]["capacity"])
    written = {name: value for name, value in document["properties"].items() if name != "provisioningState"}
    body = {
        "location": document["location"],
        "tags": {**document["tags"], "by": "hand"},
        "sku": {"name": "Default", "capacity": count},
        "properties": {**written, **properties},
    }
    target.cloud.poller.wait(target.arm.begin_put(id, body))


def test_what_differed_from_the_spec_comes_back_as_it_was(bench: Any) -> None:
    spec = bench.spec("nap")
    first = bench.up(spec).connection
    variables = {**documents(bench, spec)["blue"]["environmentVariables"], "EXTRA": "one two"}
    change(bench, spec, "blue", count=2, environmentVariables=variables)
    before = documents(bench, spec)
    found = parked(bench, spec)
    assert (found["parked"], found["deployments"], found["wake_seconds"]) == (True, [], None)
    assert documents(bench, spec) == {}
    assert parked(bench, spec)["since"] == found["since"]
    result = woken(bench, spec)
    assert (result.deployments, result.traffic) == (("blue",), {"blue": 100})
    assert documents(bench, spec) == before
    after = connect(spec, bench.target(spec))
    assert (after.base_url, after.api_key) == (first.base_url, first.api_key)
    assert "gatelift_parked" not in endpoint(bench, spec)["tags"]
    assert woken(bench, spec).parked_since == ""
    assert parked(bench, spec)["wake_seconds"] is not None


def test_shares_and_the_way_back_come_back(bench: Any) -> None:
    bench.up(bench.spec("shares"))
    spec = bench.spec("shares", deployment={"instance_type": LARGER})
    bench.up(spec)
    green = sibling("blue", LARGER)
    target = bench.target(spec)
    id = target.workspace.endpoint(spec.endpoint.name)
    document = target.arm.get(id)
    document["properties"]["traffic"] = {"blue": 10, green: 90}
    target.cloud.poller.wait(target.arm.begin_put(id, document))
    before = endpoint(bench, spec)["tags"]
    parked(bench, spec)
    assert woken(bench, spec).traffic == {"blue": 10, green: 90}
    after = endpoint(bench, spec)["tags"]
    assert {**after, "gatelift_wake_seconds": ""} == {**before, "gatelift_wake_seconds": ""}


def test_everybody_is_told(bench: Any, phases: Any) -> None:
    spec = bench.spec("told")
    bench.up(spec)
    parked(bench, spec)
    found = status(spec, bench.target(spec))
    assert found["parked"]["instances"] == {"Standard_NC24ads_A100_v4": 1}
    assert {each["kind"] for each in found["drift"]} <= ASSETS
    assert ["parked since" in warning for warning in about_the_stack(found)] == [True]
    assert list_stacks(bench.target(spec))["stacks"][0]["parked"] == found["parked"]["since"]
    [change] = [each for each in bench.plan(spec).changes if each.kind == "deployment"]
    assert (str(change.action), "parked since" in change.reason) == ("create", True)
    bench.up(spec, phases=phases)
    assert any("woken to what the spec says" in note for note in phases.notes)
    after = status(spec, bench.target(spec))
    assert (after["parked"], about_the_stack(after)) == (None, [])
    assert bench.target(spec).cloud.records.read(spec.endpoint.name) is None


def test_what_a_parked_stack_needs_again_is_not_removed_by_a_neighbour(bench: Any, pair: Any) -> None:
    one, other = pair("sleepers")
    bench.up(one)
    bench.up(other)
    parked(bench, other)
    bench.down(one)
    assert woken(bench, other).traffic == {"blue": 100}
    parked(bench, other)
    assert bench.down(other)["connection"] == "delete"
    assert bench.target(other).cloud.records.read(other.endpoint.name) is None


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        pytest.param({"SERVICE_TOKEN": "a-plain-value-1"}, "secret_in_deployment", id="named-like-a-secret"),
        pytest.param({"OTHER": "sk-abcdefghijklmnopqrstuvwxyz"}, "secret_in_deployment", id="formed-like-a-secret"),
    ],
)
def test_no_secret_is_written_down(bench: Any, variables: dict[str, str], code: str) -> None:
    spec = bench.spec("hush")
    bench.up(spec)
    now = {**documents(bench, spec)["blue"]["environmentVariables"]}
    change(bench, spec, "blue", environmentVariables={**now, **variables})
    with pytest.raises(Refused) as error:
        plan_park(spec, bench.target(spec))
    assert error.value.code == code
    assert next(iter(variables.values())) not in str(error.value)
    assert list(documents(bench, spec)) == ["blue"]
    bench.up(spec)  # takes the variable away


def test_nothing_to_park_and_nothing_to_wake(bench: Any) -> None:
    spec = bench.spec("none")
    for act in (parked, woken):
        with pytest.raises(NotFound) as error:
            act(bench, spec)
        assert error.value.code == "endpoint_not_found"
