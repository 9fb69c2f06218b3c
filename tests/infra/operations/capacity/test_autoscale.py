"""The autoscale setting of a stack from `plan` to `down`, and beside those of others."""

from typing import Any

import pytest

from infra.azure.autoscale import AUTOSCALE_API, autoscale_settings, settings_id
from infra.errors import AccessDenied, Refused, SpecError
from infra.operations.rollback import rollback
from infra.operations.status import status
from infra.reporter import Silent
from tests.infra.operations.sharing.actors import reasons, scale
from tests.infra.operations.test_two_actors import portal

__all__ = ["portal"]  # a fixture

OPEN = {"responses_per_instance": True}
REQUESTS = {"max": 4, "target": 60}


def setting_of(target: Any, name: str) -> Any:
    return target.arm.get(settings_id(target.workspace, name), api_version=AUTOSCALE_API)


def settings(target: Any) -> list[str]:
    """The names of the settings that target deployments of the workspace."""
    return sorted(each["name"] for each in autoscale_settings(target.cloud) or [])


def put_foreign(target: Any, deployment: str) -> str:
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "9", "default": "1"}, "rules": []}
    properties = {"profiles": [profile], "enabled": True, "targetResourceUri": deployment}
    id = settings_id(target.workspace, "theirs")
    target.arm.put(id, {"location": "eastus", "properties": properties}, api_version=AUTOSCALE_API)
    return id


def test_a_setting_lives_with_its_stack(bench: Any, actions: Any) -> None:
    spec = bench.spec("lively", deployment=OPEN | {"autoscale": REQUESTS | {"min": 2}})
    assert actions(bench.plan(spec))["autoscale"] == "create"
    bench.up(spec)
    target = bench.target(spec)
    name = "ws-lively-lively-endpoint-blue"
    blue = target.cloud.workspace.deployment("lively-endpoint", "blue")
    assert target.arm.get(blue)["sku"]["capacity"] == 2, "a new deployment begins with the minimum"
    document = setting_of(target, name)
    assert document["tags"]["gatelift"].startswith("lively@")
    assert (document["location"], document["properties"]["targetResourceUri"]) == ("eastus", blue)
    directions = [each["scaleAction"]["direction"] for each in document["properties"]["profiles"][0]["rules"]]
    assert directions == ["Increase", "Decrease"]
    assert not bench.plan(spec).has_changes
    scale(target, blue, 3)
    plan = bench.plan(spec)
    assert not plan.has_changes
    assert f"left at 3: the autoscale setting {name} decides" in reasons(plan.changes, "deployment")
    found = status(spec, target)
    assert found["deployments"][0]["autoscale"] == name
    assert found["autoscale"] == [
        {
            "name": name,
            "deployment": "blue",
            "enabled": True,
            "owner": "lively",
            "profiles": [
                "always: 2 to 4; "
                "+1 if RequestsPerMinute per instance of lively-endpoint, deployment = blue > 60, then wait 5m; "
                "-1 if RequestsPerMinute per instance of lively-endpoint, deployment = blue < 30, then wait 5m"
            ],
        }
    ]

    changed = bench.spec("lively", deployment=OPEN | {"autoscale": REQUESTS | {"min": 2, "max": 5}})
    (change,) = [each for each in bench.plan(changed).changes if each.kind == "autoscale"]
    assert (str(change.action), change.fields) == ("update", ["profiles.always.instances"])
    assert (change.diff[0].before, change.diff[0].after) == ("2 to 4", "2 to 5")
    bench.up(changed)
    assert setting_of(target, name)["properties"]["profiles"][0]["capacity"]["maximum"] == "5"

    without = bench.spec("lively", deployment=OPEN | {"instance_count": 1})
    assert actions(bench.plan(without)) == {"deployment": "update", "autoscale": "delete"}
    bench.up(without)
    assert (settings(target), target.arm.get(blue)["sku"]["capacity"]) == ([], 1)


def test_what_others_changed_of_it_is_drift_and_is_put_right(bench: Any) -> None:
    spec = bench.spec("drifting", deployment=OPEN | {"autoscale": REQUESTS})
    bench.up(spec)
    target = bench.target(spec)
    name = "ws-drifting-drifting-endpoint-blue"
    document = setting_of(target, name)
    document["properties"]["enabled"] = False
    document["properties"]["profiles"][0]["rules"].pop()
    notification = {"operation": "Scale", "email": {"customEmails": ["people@example.org"]}}
    document["properties"]["notifications"] = [notification]
    body = {key: document[key] for key in ("location", "properties")} | {"tags": document["tags"] | {"team": "a"}}
    target.arm.put(document["id"], body, api_version=AUTOSCALE_API)
    drift = {each["kind"]: each["fields"] for each in status(spec, target)["drift"]}
    assert drift["autoscale"] == ["enabled", "profiles.always.rule 2"]
    bench.up(spec)
    mended = setting_of(target, name)
    assert mended["properties"]["enabled"] is True
    assert len(mended["properties"]["profiles"][0]["rules"]) == 2
    assert (mended["tags"]["team"], mended["properties"]["notifications"]) == ("a", [notification])
    assert not bench.plan(spec).has_changes


def test_it_moves_with_the_requests_to_another_deployment(bench: Any, phases: Any) -> None:
    spec = bench.spec("moving", deployment=OPEN | {"autoscale": REQUESTS})
    bench.up(spec)
    target = bench.target(spec)
    scale(target, target.cloud.workspace.deployment("moving-endpoint", "blue"), 3)
    bigger = {"instance_type": "Standard_NC48ads_A100_v4", "autoscale": REQUESTS}
    other = bench.spec("moving", deployment=OPEN | bigger)
    plan = bench.plan(other)
    new = next(each.name for each in plan.changes if str(each.action) == "replace")
    told = [(str(each.action), each.name, each.reason) for each in plan.changes if each.kind == "autoscale"]
    assert told == [
        ("create", f"ws-moving-moving-endpoint-{new}", "does not exist"),
        ("delete", "ws-moving-moving-endpoint-blue", "blue gets no requests any more"),
    ]
    assert "goes on to target" not in reasons(plan.changes, "deployment")
    bench.up(other, phases=phases)
    assert settings(target) == [f"ws-moving-moving-endpoint-{new}"]
    assert target.arm.get(target.cloud.workspace.deployment("moving-endpoint", new))["sku"]["capacity"] == 3
    assert phases.finished.index("traffic") < len(phases.finished) - 1 - phases.finished[::-1].index("autoscale")
    assert not bench.plan(other).has_changes

    rollback(other, target, reporter=Silent())
    assert settings(target) == ["ws-moving-moving-endpoint-blue"]


def test_a_setting_of_somebody_else_is_never_touched(bench: Any) -> None:
    plain = bench.spec("foreign", deployment=OPEN)
    bench.up(plain)
    target = bench.target(plain)
    id = put_foreign(target, target.cloud.workspace.deployment("foreign-endpoint", "blue"))
    assert not bench.plan(plain).has_changes
    with pytest.raises(Refused, match="theirs of somebody else targets blue") as caught:
        bench.plan(bench.spec("foreign", deployment=OPEN | {"autoscale": REQUESTS}))
    assert "leave deployment.autoscale out" in caught.value.hint
    assert "autoscale" not in bench.down(plain)
    assert target.arm.get(id, api_version=AUTOSCALE_API)


def test_down_removes_it(bench: Any) -> None:
    spec = bench.spec("setting-going", deployment=OPEN | {"autoscale": {"max": 2, "metric": "gpu"}})
    bench.up(spec)
    assert bench.down(spec)["autoscale"] == "delete"
    assert settings(bench.target(spec)) == []


def test_the_quota_is_checked_for_the_most_instances(bench: Any) -> None:
    h100 = {"instance_type": "Standard_NC40ads_H100_v5", "autoscale": {"max": 2, "target": 9}}  # cores for one
    with pytest.raises(Refused, match="not enough quota for 2 x") as caught:
        bench.up(bench.spec("much", deployment=OPEN | h100))
    assert "lower deployment.autoscale.max" in caught.value.hint


def test_the_store_of_responses_is_checked_for_the_most_instances(bench: Any) -> None:
    with pytest.raises(SpecError, match=r"deployment.autoscale.max 4: each instance would keep /v1/responses"):
        bench.plan(bench.spec("store-of-many", deployment={"autoscale": REQUESTS}))


def test_settings_that_may_not_be_read_are_told(bench: Any, portal: Any) -> None:
    spec = bench.spec("unreadable", deployment=OPEN | {"autoscale": REQUESTS})
    portal("faults", [{"method": "GET", "path": "autoscaleSettings", "status": 403, "times": 9}])
    with pytest.raises(AccessDenied, match="you may not read autoscale settings") as caught:
        bench.plan(spec)
    portal("faults", [])
    assert "Monitoring Contributor" in caught.value.hint


def test_settings_that_may_not_be_written_are_told_and_a_second_run_goes_on(bench: Any, portal: Any) -> None:
    spec = bench.spec("unwritable", deployment=OPEN | {"autoscale": REQUESTS})
    fault = {"method": "PUT", "path": "autoscaleSettings", "status": 403, "code": "AuthorizationFailed", "times": 9}
    portal("faults", [fault])
    with pytest.raises(AccessDenied, match="the autoscale setting of blue cannot be written") as caught:
        bench.up(spec)
    portal("faults", [])
    assert "Monitoring Contributor" in caught.value.hint
    bench.up(spec)
    assert settings(bench.target(spec)) == ["ws-unwritable-unwritable-endpoint-blue"]


def test_a_machine_too_small_for_the_most_instances_is_told(
    bench: Any, phases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATELIFT_MEMORY_GB", "8")
    bench.up(bench.spec("cramped", deployment=OPEN | {"autoscale": {"max": 40, "target": 60}}), phases=phases)
    assert [note for note in phases.notes if note.startswith("autoscale may ask for 40 instances, but ")]
