"""A rollout in steps on the emulator: good, slow and failing versions, while clients keep asking."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.errors import NotFound, Refused
from infra.operations.logs import logs
from infra.operations.rollback import rollback
from infra.operations.status import status
from infra.operations.unlock import find_locks, unlock
from infra.reporter import Silent
from infra.spec.model import StackSpec
from tests.infra.operations.rollout.conftest import STEPS, Killed, KilledAt, endpoint, new_one, reason

Version = Callable[..., StackSpec]


def put_split(bench: Any, spec: StackSpec, traffic: dict[str, int]) -> None:
    target = bench.target(spec)
    id = target.cloud.workspace.endpoint(spec.endpoint.name)
    document = target.arm.get(id)
    document["properties"] |= {"traffic": traffic, "mirrorTraffic": {}}
    target.cloud.poller.wait(target.arm.begin_put(id, document))


class MeanwhileAt(Silent):
    """A reporter with which something else happens once a phase begins."""

    def __init__(self, kind: str, act: Callable[[], object]) -> None:
        self.kind, self.act = kind, act
        self.ended_badly: list[str] = []

    def note(self, text: str) -> None:
        """Do it when the phase tells what was seen, so after its split was written."""

    def phase_started(self, kind: str, name: str) -> None:
        if kind == self.kind:
            self.act()

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        self.ended_badly.append(kind)


def test_a_good_version_gets_everything_step_by_step(bench: Any, version: Version, phases: Any, clients: Any) -> None:
    first = bench.up(version("good", "good"))
    spec = version("good", "better", mirror=10, pause="1s")
    plan = bench.plan(spec)
    new = new_one(plan)
    assert reason(plan) == "rollout: 10 % are mirrored, then in steps of 5 %, 25 %, 100 %, each watched for 1s"
    with clients(first.connection) as asking:
        result = bench.up(spec, phases=phases)
    assert asking.failed == 0 < asking.asked
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == ["rollout: mirrored", *STEPS]
    assert result.connection.deployment == new
    found = endpoint(bench, spec)
    assert (found["traffic"], found["previous"], found["rollout"]) == ({new: 100}, "blue", None)
    assert not bench.plan(spec).has_changes
    assert not bench.plan(spec.but(rollout=None)).has_changes
    assert rollback(spec, bench.target(spec), reporter=Silent())["traffic"] == {"blue": 100}


@pytest.mark.parametrize(
    ("stack", "bad", "limits"),
    [
        pytest.param("slow", "ttft=0.12", {"ttft_p95": "100ms"}, id="slow-first-token"),
        pytest.param("halting", "gap=0.12", {"gap_p95": "100ms"}, id="slow-tokens"),
        pytest.param("failing", "errors=0.5", {"error_rate": "1%"}, id="errors"),
    ],
)
def test_a_bad_version_gets_nothing_more(
    bench: Any, version: Version, clients: Any, stack: str, bad: str, limits: dict[str, str]
) -> None:
    first, seen = bench.up(version(stack, "good")), f"{next(iter(limits))} "
    spec = version(stack, bad, slo=limits, pause="1s")
    new = new_one(bench.plan(spec))
    with clients(first.connection) as asking, pytest.raises(Refused) as error:
        bench.up(spec)
    assert error.value.code == "slo_breached"
    assert f"{new} at 5 %: {seen}" in str(error.value)
    assert [line.split()[0] for line in error.value.log] == ["ttft_p95", "gap_p95", "error_rate"]
    assert asking.failed <= 0.2 * asking.asked
    assert asking.elsewhere == 0
    found = endpoint(bench, spec)
    assert (found["traffic"], found["rollout"]["deployment"], found["rollout"]["step"]) == ({"blue": 100}, new, 5)
    assert found["rollout"]["moved_back"].startswith(seen.strip())
    assert logs(spec, bench.target(spec))[0] == new

    with pytest.raises(Refused) as refused:
        bench.up(spec)
    assert refused.value.code == "moved_back"
    assert "--try-again" in refused.value.hint
    assert "it was moved back" in reason(bench.plan(spec))
    said = status(spec, bench.target(spec))["warnings"]
    assert any(f"deployment {new} differs" in line and "whether `up` tries that again" in line for line in said), said

    bench.up(version(stack, "good"))
    found = endpoint(bench, spec)
    assert (found["traffic"], found["rollout"]) == ({"blue": 100}, None)
    assert [each["name"] for each in status(spec, bench.target(spec))["deployments"]] == ["blue"]


def test_what_was_moved_back_is_tried_again_when_asked_or_with_another_limit(
    bench: Any, version: Version, phases: Any
) -> None:
    bench.up(version("again", "good"))
    spec = version("again", "ttft=0.12")
    for again in (False, True):
        with pytest.raises(Refused) as error:
            bench.up(version("again", "ttft=0.12", slo={"ttft_p95": "100ms"}, try_again=again))
        assert error.value.code == "slo_breached"
    new = endpoint(bench, spec)["rollout"]["deployment"]
    bench.up(version("again", "ttft=0.12", slo={"ttft_p95": "2s"}), phases=phases)
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == STEPS
    assert endpoint(bench, spec)["traffic"] == {new: 100}


@pytest.mark.parametrize(
    ("stack", "moment"),
    [
        pytest.param("ended", "rollout: 25 %", id="between-two-steps"),
        pytest.param("ended-0", "rollout: 5 %", id="mirrored-so-that-the-split-stays"),
    ],
)
def test_rollback_ends_a_rollout_that_is_under_way(bench: Any, version: Version, stack: str, moment: str) -> None:
    bench.up(version(stack, "good"))
    spec = version(stack, "better", mirror=10)
    new, answers = new_one(bench.plan(spec)), []

    def end() -> None:
        answers.append(rollback(spec, bench.target(spec), reporter=Silent()))

    with pytest.raises(Refused) as error:
        bench.up(spec, phases=MeanwhileAt(moment, end))
    assert error.value.code == "traffic_changed"
    assert answers[0] == {
        "endpoint": f"steps-{stack}-endpoint",
        "deployment": "blue",
        "previous": new,
        "traffic": {"blue": 100},
    }
    found = endpoint(bench, spec)
    assert (found["traffic"], found["rollout"]["moved_back"]) == ({"blue": 100}, "by `gatelift rollback`")
    with pytest.raises(Refused, match="by `gatelift rollback`"):
        bench.up(spec)


def test_another_split_by_hand_is_kept_and_gone_on_from(bench: Any, version: Version, phases: Any) -> None:
    bench.up(version("hand", "good"))
    spec = version("hand", "better")
    new = new_one(bench.plan(spec))
    split = {"blue": 40, new: 60}
    with pytest.raises(Refused) as error:
        bench.up(spec, phases=MeanwhileAt("rollout: 25 %", lambda: put_split(bench, spec, split)))
    assert error.value.code == "traffic_changed"
    assert endpoint(bench, spec)["traffic"] == split
    assert reason(bench.plan(spec)) == "rollout: at 60 %, next 100 %"
    bench.up(spec, phases=phases)
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == ["rollout: 60 %", "rollout: 100 %"]
    assert endpoint(bench, spec)["traffic"] == {new: 100}


def test_shares_of_another_stack_on_the_endpoint_stay(bench: Any, version: Version, phases: Any) -> None:
    spec = version("shared", "good")
    bench.up(spec)
    target = bench.target(spec)
    theirs = target.cloud.workspace.deployment("steps-shared-endpoint", "theirs")
    document = target.arm.get(target.cloud.workspace.deployment("steps-shared-endpoint", "blue"))
    document["tags"] = {"gatelift": "other@1"}
    for read_only in ("id", "name", "type", "systemData"):
        document.pop(read_only, None)
    target.cloud.poller.wait(target.arm.begin_put(theirs, document))
    put_split(bench, spec, {"blue": 40, "theirs": 60})
    better = version("shared", "better", canary=[10, 50])
    new = new_one(bench.plan(better))
    with pytest.raises(Killed):
        bench.up(better, phases=KilledAt("rollout: 10 %", begun=False))
    assert endpoint(bench, better)["traffic"] == {"blue": 36, new: 4, "theirs": 60}
    found = endpoint(bench, better.but(name="other"))
    assert (found["traffic"], found["rollout"]) == ({"blue": 36, new: 4, "theirs": 60}, None)
    bench.up(better)
    assert endpoint(bench, better)["traffic"] == {new: 40, "theirs": 60}


def test_a_third_version_in_the_middle_is_compared_with_the_first(bench: Any, version: Version) -> None:
    bench.up(version("third", "good"))
    with pytest.raises(Killed):
        bench.up(version("third", "better"), phases=KilledAt("rollout: 25 %", begun=False))
    spec = version("third", "best")
    new = new_one(bench.plan(spec))
    with pytest.raises(Killed):
        bench.up(spec, phases=KilledAt("rollout: 5 %", begun=False))
    assert endpoint(bench, spec)["traffic"] == {"blue": 95, new: 5}
    bench.up(spec)
    assert endpoint(bench, spec)["traffic"] == {new: 100}
    names = [each["name"] for each in status(spec, bench.target(spec))["deployments"]]
    assert names == sorted(["blue", new])


def test_one_in_between_is_named_where_the_third_fails(bench: Any, version: Version) -> None:
    bench.up(version("between", "good"))
    second = new_one(bench.plan(version("between", "better")))
    with pytest.raises(Killed):
        bench.up(version("between", "better"), phases=KilledAt("rollout: 5 %", begun=False))
    with pytest.raises(Refused) as error:
        bench.up(version("between", "errors=0.9", pause="1s"))
    assert f"which still costs money, as {second} does" in error.value.hint


def test_each_of_several_instances_is_looked_at(bench: Any, version: Version, phases: Any) -> None:
    first, spec = (version("several", each) for each in ("good", "better"))
    bench.up(first)
    two = spec.deployment.but(instance_count=2, responses_per_instance=True)
    bench.up(spec.but(deployment=two), phases=phases)
    told = [note for note in phases.notes if note.startswith("  error_rate")]
    assert len(told) == len(STEPS)
    assert not [note for note in told if "server says nothing" in note]


def test_the_first_version_again_in_the_middle_is_back_at_once(bench: Any, version: Version, phases: Any) -> None:
    bench.up(version("return", "good"))
    with pytest.raises(Killed):
        bench.up(version("return", "better"), phases=KilledAt("rollout: 25 %", begun=False))
    spec = version("return", "good")
    bench.up(spec, phases=phases)
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == []
    found = endpoint(bench, spec)
    assert (found["traffic"], found["rollout"]) == ({"blue": 100}, None)


def test_without_a_rollout_in_the_spec_the_rest_moves_at_once(bench: Any, version: Version, phases: Any) -> None:
    bench.up(version("hurry", "good"))
    spec = version("hurry", "better")
    new = new_one(bench.plan(spec))
    with pytest.raises(Killed):
        bench.up(spec, phases=KilledAt("rollout: 5 %", begun=False))
    bench.up(spec.but(rollout=None), phases=phases)
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == []
    found = endpoint(bench, spec)
    assert (found["traffic"], found["rollout"]) == ({new: 100}, None)


def test_a_number_of_instances_changes_in_place(bench: Any, version: Version, phases: Any) -> None:
    spec = version("count", "good")
    spec = spec.but(deployment=spec.deployment.but(responses_per_instance=True))
    bench.up(spec)
    bench.up(spec.but(deployment=spec.deployment.but(instance_count=2)), phases=phases)
    assert endpoint(bench, spec)["traffic"] == {"blue": 100}
    assert "deployment" in phases.finished
    assert not [kind for kind in phases.finished if kind.startswith("rollout")]


def test_what_failed_in_an_earlier_version_s_place_is_nothing_to_go_back_to(bench: Any, version: Version) -> None:
    bench.up(version("reused", "good"))
    bench.up(version("reused", "better"))
    spec = version("reused", "errors=0.9", pause="1s")
    assert new_one(bench.plan(spec)) == "blue"
    before = endpoint(bench, spec)
    assert before["previous"] == "blue"
    with pytest.raises(Refused, match="all requests are back at"):
        bench.up(spec)
    found = endpoint(bench, spec)
    assert (found["traffic"], found["previous"]) == (before["traffic"], None)
    with pytest.raises(NotFound) as error:
        rollback(spec, bench.target(spec), reporter=Silent())
    assert error.value.code == "nothing_to_roll_back_to"


def test_once_the_lock_is_somebody_else_s_nothing_more_moves(bench: Any, version: Version) -> None:
    bench.up(version("overtaken", "good"))
    spec = version("overtaken", "better", pause="20s")
    new, target = new_one(bench.plan(spec)), bench.target(spec)
    with pytest.raises(Refused) as error:
        bench.up(spec, phases=(at := MeanwhileAt("rollout: 5 %", lambda: unlock(target, find_locks(spec, target)))))
    assert (error.value.code, at.ended_badly[0]) == ("lock_lost", "rollout: 5 %")
    assert endpoint(bench, spec)["traffic"] == {"blue": 95, new: 5}
