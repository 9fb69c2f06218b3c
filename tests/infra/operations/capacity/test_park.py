"""Parking a stack and waking it: what ran comes back as it was, and everybody knows meanwhile."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.azure.autoscale import autoscale_settings
from infra.clock import SystemClock
from infra.emulator import launcher
from infra.errors import NotFound, NotReady, Refused
from infra.operations.capacity.park import park, plan_park
from infra.operations.capacity.wake import wake
from infra.operations.connect import connect
from infra.operations.status import list_stacks, status
from infra.planning.rollout import sibling
from infra.reporter import Silent

HOUR = 3600.0
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
        pytest.param(
            {"SCORING_RESPONSE_STORE": "redis://:apassword@cache:6379"}, "secret_in_deployment", id="of-the-server"
        ),
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


class Ahead(SystemClock):
    """The machine's clock, so many seconds ahead: the time of day of Azure Monitor in the emulator."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.seconds)


def later(bench: Any, spec: Any, seconds: float) -> Any:
    """The target, so much later, for Azure Monitor as well."""
    url = f"{launcher.start(Path(bench.environ['GATELIFT_EMULATOR_STATE'])).portal}/settings"
    ahead = httpx.get(url, trust_env=False).json()["monitor_seconds_ahead"] + seconds
    httpx.put(url, json={"monitor_seconds_ahead": ahead}, trust_env=False).raise_for_status()
    return replace(bench.target(spec), clock=Ahead(ahead))


def test_only_what_nobody_asks_is_parked_by_itself(bench: Any) -> None:
    spec = bench.spec("idle")
    info = bench.up(spec).connection
    started = park(spec, later(bench, spec, 0), reporter=Silent(), after=2 * HOUR).to_json()
    assert (started["parked"], "it has been running" in started["reason"]) == (False, True)
    later(bench, spec, 3 * HOUR)
    httpx.post(info.scoring_uri, json={"messages": []}, headers={"Authorization": f"Bearer {info.api_key}"})
    used = park(spec, later(bench, spec, HOUR), reporter=Silent(), after=2 * HOUR).to_json()
    assert (used["parked"], used["reason"][:23]) == (False, "the last request came 6")
    idle = park(spec, later(bench, spec, 2 * HOUR), reporter=Silent(), after=2 * HOUR).to_json()
    assert (idle["parked"], idle["deployments"]) == (True, [])


@pytest.mark.parametrize(
    ("status", "code"),
    [pytest.param(403, "AuthorizationFailed", id="forbidden"), pytest.param(404, "ResourceNotFound", id="missing")],
)
def test_nothing_is_parked_where_the_requests_cannot_be_counted(bench: Any, status: int, code: str) -> None:
    spec = bench.spec("metricless")
    bench.up(spec)
    target = later(bench, spec, 3 * HOUR)
    portal = launcher.start(Path(bench.environ["GATELIFT_EMULATOR_STATE"])).portal
    refused = {"method": "GET", "path": "/metrics", "status": status, "code": code}
    httpx.put(f"{portal}/faults", json=[refused], trust_env=False).raise_for_status()
    try:
        with pytest.raises(NotReady) as error:
            park(spec, target, reporter=Silent(), after=2 * HOUR)
    finally:
        httpx.put(f"{portal}/faults", json=[], trust_env=False)
    assert error.value.code == "metrics_unreadable"
    assert list(documents(bench, spec)) == ["blue"]


def test_an_autoscale_setting_comes_back_with_the_count_that_it_had_made(bench: Any) -> None:
    scaled = {"autoscale": {"max": 3, "target": 60}, "responses_per_instance": True}
    spec = bench.spec("parked-scaled", deployment=scaled)
    bench.up(spec)
    change(bench, spec, "blue", count=2)

    def settings() -> list[dict[str, Any]]:
        found = autoscale_settings(bench.target(spec).cloud) or []
        return [{name: value for name, value in each.items() if name != "systemData"} for each in found]

    before = settings()
    assert len(before) == 1
    parked(bench, spec)
    assert settings() == []
    woken(bench, spec)
    assert settings() == before
    assert documents(bench, spec)["blue"]["sku"]["capacity"] == 2
    plan = bench.plan(spec)
    assert not plan.has_changes, plan.to_json()


def test_a_wake_without_quota_says_who_may_have_it(bench: Any) -> None:
    spec = bench.spec("taken", deployment={"instance_type": "Standard_NC40ads_H100_v5"})
    thief = bench.spec("quota-thief", deployment={"instance_type": "Standard_NC40ads_H100_v5"})
    bench.up(spec)
    parked(bench, spec)
    bench.up(thief)
    with pytest.raises(Refused) as error:
        woken(bench, spec)
    assert (error.value.code, "not reserved while a stack is parked" in error.value.hint) == ("OutOfQuota", True)
    bench.down(thief)
    assert woken(bench, spec).traffic == {"blue": 100}
    bench.down(spec)
