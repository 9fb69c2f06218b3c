"""`up` and `down` of a stack on the emulator, with the real azure-ai-ml and azure-identity."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.errors import GateliftError, Refused, SpecError, StalePlan
from infra.operations.connect import connect
from infra.operations.down import down, plan_down
from infra.operations.status import status
from infra.planning.desired import ORDER
from infra.planning.plan import Plan
from infra.reporter import Silent

Actions = Callable[[Plan], dict[str, str]]


def test_up_makes_everything_tells_the_phases_and_gets_an_answer(bench: Any, phases: Any, actions: Actions) -> None:
    spec = bench.spec("life")
    assert set(actions(bench.plan(spec))) == set(ORDER) - {"autoscale", "role", "weights"}
    result = bench.up(spec, phases=phases)
    assert result.answer == "org/gated with a token"
    told = ["deployment: image", "deployment: weights", "deployment: engine", "deployment: first token"]
    assert {*ORDER, *told, "smoke test"} - {"autoscale", "role", "weights"} <= set(phases.finished)
    assert phases.finished.index("endpoint") < phases.finished.index("deployment") < phases.finished.index("traffic")
    assert actions(bench.plan(spec)) == {}
    assert actions(bench.plan(spec, token=None)) == {}


def test_up_of_a_converged_stack_only_reads(bench: Any, phases: Any) -> None:
    spec = bench.spec("calm")
    bench.up(spec)
    assert bench.up(spec, token=None, phases=phases).phases == ()
    assert phases.finished == []


def test_the_token_is_in_no_plan_and_no_result(bench: Any) -> None:
    spec = bench.spec("quiet")
    plan = bench.plan(spec)
    result = bench.up(spec)
    rotated = bench.plan(spec, token="hf_secondtoken2")
    shown = repr(plan) + repr(plan.to_json()) + repr(result) + repr(result.to_json()) + repr(rotated.to_json())
    assert [token for token in ("goodtoken001", "secondtoken2") if token in shown] == []
    assert [change.fields for change in rotated.changes if change.kind == "connection"] == [["credentials.HF_TOKEN"]]
    assert result.connection.api_key not in shown


def test_another_count_is_an_update_in_place(bench: Any, actions: Actions) -> None:
    bench.up(bench.spec("grow"))
    with pytest.raises(SpecError, match="previous_response_id"):
        bench.plan(bench.spec("grow", deployment={"instance_count": 2}))
    two = bench.spec("grow", deployment={"instance_count": 2, "responses_per_instance": True})
    assert actions(bench.plan(two)) == {"deployment": "update"}
    bench.up(two)
    assert actions(bench.plan(two)) == {}


def test_a_live_split_survives_up(bench: Any) -> None:
    spec = bench.spec("split")
    bench.up(spec)
    target = bench.target(spec)
    id = target.cloud.workspace.endpoint("split-endpoint")
    document = target.arm.get(id)
    assert document is not None
    described = bench.spec("split", endpoint={"description": "changed"})
    bench.up(described)
    after = target.arm.get(id)
    assert after is not None
    assert after["properties"]["traffic"] == document["properties"]["traffic"] == {"blue": 100}
    assert after["properties"]["description"] == "changed"


def test_what_changes_behind_our_back_is_drift_and_is_repaired(bench: Any, actions: Actions) -> None:
    spec = bench.spec("drift", deployment={"instance_count": 1})
    bench.up(spec)
    target = bench.target(spec)
    id = target.cloud.workspace.deployment("drift-endpoint", "blue")
    target.cloud.poller.wait(target.arm.begin_patch(id, {"sku": {"name": "Default", "capacity": 3}}))
    assert actions(bench.plan(spec)) == {"deployment": "update"}
    assert [row["fields"] for row in status(spec, target)["drift"] if row["kind"] == "deployment"] != []
    bench.up(spec)
    assert actions(bench.plan(spec)) == {}


def test_a_plan_is_refused_when_the_live_state_has_moved(bench: Any) -> None:
    spec = bench.spec("stale")
    plan = bench.plan(spec)
    bench.up(spec)
    with pytest.raises(StalePlan):
        bench.up(spec, plan=plan)


def test_an_endpoint_that_others_made_is_left_alone(bench: Any) -> None:
    spec = bench.spec("alien")
    target = bench.target(spec)
    id = target.cloud.workspace.endpoint("alien-endpoint")
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key"}}
    target.arm.put(id, body)
    with pytest.raises(Refused) as error:
        bench.up(spec)
    assert error.value.code == "not_ours"
    bench.down(spec)
    assert target.arm.get(id) is not None


def test_down_leaves_nothing_of_ours_and_everything_of_others(bench: Any, actions: Actions) -> None:
    one = bench.spec("owner", workspace={"name": "ws-shared"})
    two = bench.spec("guest", workspace={"name": "ws-shared"})
    bench.up(one)
    bench.up(two)
    removed = bench.down(one)
    assert removed["endpoint"] == "delete"
    assert removed["model"] == removed["connection"] == removed["environment"] == removed["code"] == "none"
    assert bench.up(two).connection.deployment == "blue"
    assert bench.down(two)["environment"] == "delete"
    assert bench.target(one).arm.list(bench.target(one).cloud.workspace.id + "/onlineEndpoints") == []


def test_down_takes_what_has_another_name_in_the_spec_now(bench: Any) -> None:
    bench.up(bench.spec("moved"))
    renamed = bench.spec("moved", endpoint={"name": "moved-again"}, token={"connection": "OtherConnection"})
    [left] = [change for change in bench.plan(renamed).changes if change.name == "moved-endpoint"]
    assert (str(left.action), "still costs money" in left.reason) == ("none", True)
    bench.up(renamed)
    target = bench.target(renamed)
    going = [change.name for change in plan_down(renamed, target).changes if str(change.action) == "delete"]
    assert {"moved-endpoint", "moved-again", "HuggingFaceTokenConnection", "OtherConnection"} <= set(going)
    bench.down(renamed)
    kinds = ("onlineEndpoints", "connections")
    assert [target.arm.list(f"{target.cloud.workspace.id}/{kind}") for kind in kinds] == [[], []]


def test_down_of_nothing_is_nothing(bench: Any) -> None:
    assert bench.down(bench.spec("never")) == {}


def test_plan_down_says_what_would_go(bench: Any) -> None:
    spec = bench.spec("going")
    bench.up(spec)
    plan = plan_down(spec, bench.target(spec))
    assert {change.kind for change in plan.changes} == {
        "connection", "environment", "code", "model", "endpoint", "deployment",
    }  # fmt: skip
    down(spec, bench.target(spec), reporter=Silent())
    assert not plan_down(spec, bench.target(spec)).has_changes


def test_an_open_model_needs_no_token(bench: Any) -> None:
    spec = bench.spec("open", model={"id": "org/open"})
    assert bench.up(spec, token=None).answer == "org/open with no token"


def test_connect_follows_the_auth_mode(bench: Any) -> None:
    spec = bench.spec("entra", endpoint={"auth_mode": "aad_token"})
    result = bench.up(spec)
    assert result.answer.startswith("org/gated")
    with pytest.raises(GateliftError, match="no endpoint"):
        connect(bench.spec("nowhere"), bench.target(bench.spec("nowhere")))


def commit_of(bench: Any, spec: Any, revision: str) -> str:
    return str(bench.target(spec).hub.model("org/grown", revision, None).revision)


@pytest.mark.parametrize(("kind", "revision"), [("branch", "dev"), ("tag", "v1.0"), ("ref", "refs/tags/v1.0")])
def test_a_branch_or_tag_is_pinned_to_its_commit(bench: Any, kind: str, revision: str) -> None:
    spec = bench.spec(f"pinned-{kind}", model={"id": "org/grown", "revision": revision})
    target, commit = bench.target(spec), commit_of(bench, spec, revision)
    assert len(commit) == 40
    assert commit != commit_of(bench, spec, "main")
    bench.up(spec)
    blue = target.arm.get(target.cloud.workspace.deployment(spec.endpoint.name, "blue"))
    assert blue["properties"]["environmentVariables"]["SCORING_REVISION"] == commit
    assert not bench.plan(spec).has_changes
    same = spec.but(model=spec.model.but(revision=commit))
    assert not bench.plan(same).has_changes
    moved = spec.but(model=spec.model.but(revision="main"))
    changed = [change for change in bench.plan(moved).changes if change.kind == "deployment"]
    assert commit_of(bench, spec, "main") in str(changed)
    bench.down(spec)
