"""Another number of instances at once, and what stands against it."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.azure.autoscale import AUTOSCALE_API
from infra.cli.main import main
from infra.errors import NotFound, NotReady, Refused
from infra.operations.capacity.park import park
from infra.operations.capacity.scale import plan_scale, scale
from infra.reporter import Silent
from infra.spec.model import to_values
from tests.infra.operations.capacity.test_autoscale import OPEN, REQUESTS, put_foreign


def live_count(bench: Any, spec: Any) -> int:
    target = bench.target(spec)
    document = target.arm.get(target.cloud.workspace.deployment(spec.endpoint.name, "blue"))
    return int(document["sku"]["capacity"])


def test_instances_are_added_and_removed_and_the_spec_is_told(bench: Any, phases: Any) -> None:
    spec = bench.spec("counted", deployment=OPEN | {"instance_count": 1})
    bench.up(spec)
    target = bench.target(spec)
    before = target.arm.get(target.cloud.workspace.deployment("counted-endpoint", "blue"))
    done = scale(spec, target, 3, reporter=phases)
    assert (done.deployment, done.before, done.after, live_count(bench, spec)) == ("blue", 1, 3, 3)
    assert str(done.cost) == "$3.67/h → $11.02/h"
    assert done.remarks == (
        "the spec says instance_count: 1, and the next `gatelift up` does what it says: change the spec, too, or leave "
        "instance_count out",
    )
    assert phases.finished == ["deployment"]
    after = target.arm.get(target.cloud.workspace.deployment("counted-endpoint", "blue"))
    assert after["tags"] == before["tags"]
    assert [change.fields for change in bench.plan(spec).changes if change.fields] == [["instance_count"]]
    assert scale(spec, target, 1, reporter=Silent()).remarks == ()
    assert (live_count(bench, spec), scale(spec, target, 1, reporter=phases).before) == (1, 1)
    assert phases.finished == ["deployment"], "nothing is changed where the number is there already"


def test_instances_that_share_nothing_are_told(bench: Any) -> None:
    spec = bench.spec("unshared")
    bench.up(spec)
    (remark,) = plan_scale(spec, bench.target(spec), 2).remarks
    assert remark.startswith("each instance keeps /v1/responses for itself (SCORING_RESPONSE_STORE: memory)")


def test_zero_is_parking(bench: Any) -> None:
    spec = bench.spec("zero")
    with pytest.raises(Refused, match="no deployment with 0 instances") as caught:
        plan_scale(spec, bench.target(spec), 0)
    assert "`gatelift park`" in caught.value.hint


def test_the_quota_is_asked_first(bench: Any) -> None:
    spec = bench.spec("short", deployment=OPEN | {"instance_type": "Standard_NC40ads_H100_v5"})
    bench.up(spec)
    with pytest.raises(Refused, match="not enough quota for 2 x Standard_NC40ads_H100_v5"):
        plan_scale(spec, bench.target(spec), 2)
    bench.down(spec)


def test_autoscale_bounds_the_number(bench: Any) -> None:
    spec = bench.spec("bounded", deployment=OPEN | {"autoscale": REQUESTS})
    bench.up(spec)
    with pytest.raises(Refused, match="allows 1 to 4 instances: Azure Monitor would set 5 back") as caught:
        plan_scale(spec, bench.target(spec), 5)
    assert "change deployment.autoscale" in caught.value.hint
    (remark,) = scale(spec, bench.target(spec), 2, reporter=Silent()).remarks
    assert "ws-bounded-bounded-endpoint-blue goes on from there" in remark
    assert (live_count(bench, spec), bench.plan(spec).has_changes) == (2, False)


def test_a_number_that_is_allowed_at_times_only_is_told(bench: Any) -> None:
    times = REQUESTS | {"schedule": "weekdays 8-18 Europe/Berlin"}
    spec = bench.spec("times", deployment=OPEN | {"autoscale": times})
    bench.up(spec)
    (remark,) = plan_scale(spec, bench.target(spec), 2).remarks
    assert remark.endswith("at times, and then sets 2 back: 1 from Mon-Fri 18:00 W. Europe Standard Time")
    assert "goes on from there" in plan_scale(spec, bench.target(spec), 1).remarks[0]


def test_a_setting_of_others_bounds_it_too(bench: Any) -> None:
    spec = bench.spec("others", deployment=OPEN)
    bench.up(spec)
    target = bench.target(spec)
    id = put_foreign(target, target.cloud.workspace.deployment("others-endpoint", "blue"))
    with pytest.raises(Refused, match="theirs allows 1 to 9 instances"):
        plan_scale(spec, target, 10)
    target.arm.delete(id, api_version=AUTOSCALE_API)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("green", "there is no deployment green on named-endpoint", id="missing"),
        pytest.param("GREEN", "there is no deployment green", id="in-any-case"),
    ],
)
def test_a_deployment_that_is_not_there(bench: Any, name: str, told: str) -> None:
    spec = bench.spec("named")
    bench.up(spec)
    with pytest.raises(NotFound, match=told) as caught:
        plan_scale(spec, bench.target(spec), 2, deployment=name)
    assert "there are: blue" in caught.value.hint


def test_a_deployment_of_another_stack_is_not_scaled(bench: Any) -> None:
    ours = bench.spec("one-scaled")
    bench.up(ours)
    theirs = bench.spec("lodger", workspace={"name": "ws-one-scaled"}, endpoint={"name": "one-scaled-endpoint"})
    with pytest.raises(Refused, match="the deployment blue belongs to the stack one-scaled"):
        plan_scale(theirs, bench.target(theirs), 2)


def test_a_parked_stack_has_nothing_to_scale(bench: Any) -> None:
    spec = bench.spec("asleep")
    bench.up(spec)
    park(spec, bench.target(spec), reporter=Silent())
    with pytest.raises(NotReady, match="the stack asleep is parked since"):
        plan_scale(spec, bench.target(spec), 2)


def test_the_command_shows_what_changes_and_what_it_costs(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = bench.spec("shown", deployment=OPEN)
    bench.up(spec)
    for name, value in bench.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("gatelift.yaml").write_text(json.dumps(to_values(spec)), encoding="utf-8")
    assert main(["scale", "2", "--local"]) == 0
    shown = capsys.readouterr()
    assert "~ deployment blue: 1 → 2 x Standard_NC24ads_A100_v4, $3.67/h → $7.35/h" in shown.err
    assert shown.out.strip() == "blue has 2 instances"
    assert main(["scale", "gatelift.yaml", "2", "--local"]) == 0
    assert capsys.readouterr().out.strip() == "blue has 2 instances already"
    assert main(["scale", "gatelift.yaml", "--local"]) == 2
    assert "Missing argument 'INSTANCES': how many instances, up to 50" in capsys.readouterr().err
    assert main(["scale", "0", "--local"]) == 1
    assert "hint: `gatelift park` stops paying" in capsys.readouterr().err
