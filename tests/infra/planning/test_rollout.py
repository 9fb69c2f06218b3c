"""Which of an endpoint's deployments is the spec's."""

import pytest

from infra.planning.rollout import Rollout, Steps, is_sibling, roll_out, sibling
from infra.resources.base import Live
from infra.resources.canary.record import Canary
from infra.spec.model import StackSpec
from infra.spec.rollout import RolloutSpec

A, B, C = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4"
ON_A, ON_B, ON_C = (sibling("blue", size) for size in (A, B, C))


@pytest.mark.parametrize(
    ("there", "traffic", "previous", "expected"),
    [
        pytest.param({}, {}, "", Rollout("blue"), id="nothing-there"),
        pytest.param({"blue": A}, {"blue": 100}, "", Rollout("blue"), id="as-the-spec-says"),
        pytest.param({"blue": A.upper()}, {"blue": 100}, "", Rollout("blue"), id="sizes-in-any-case"),
        pytest.param({"blue": B}, {}, "", Rollout("blue"), id="without-requests-it-is-replaced-in-place"),
        pytest.param(
            {"blue": B}, {"blue": 100}, "", Rollout(ON_A, "blue", ("blue",), "blue"), id="beside-what-gets-requests"
        ),
        pytest.param(
            {"blue": B, ON_A: A}, {"blue": 100}, "", Rollout(ON_A, "", ("blue",), "blue"), id="half-way-goes-on"
        ),
        pytest.param(
            {"blue": B, ON_A: A}, {ON_A: 100}, "blue", Rollout(ON_A, "", ("blue",), "blue"), id="done-keeps-the-first"
        ),
        pytest.param({"blue": B, ON_A: A}, {ON_A: 100}, "", Rollout(ON_A, "", ("blue",)), id="unnoted-is-not-kept"),
        pytest.param(
            {"blue": B, ON_C: C}, {"blue": 100}, ON_C, Rollout(ON_A, "blue", ("blue", ON_C), "blue"), id="only-one-kept"
        ),
        pytest.param(
            {"blue": C, ON_B: B}, {ON_B: 100}, "blue", Rollout("blue", "", (ON_B,), ON_B), id="idle-name-is-used-again"
        ),
        pytest.param({"green": A}, {"green": 100}, "", Rollout("blue", "", ("green",), "green"), id="another-name"),
    ],
)
def test_the_spec_s_deployment(
    stack_spec: StackSpec, there: dict[str, str], traffic: dict[str, int], previous: str, expected: Rollout
) -> None:
    found = roll_out(stack_spec, {n: Live({"instance_type": s}, "demo") for n, s in there.items()}, traffic, previous)
    assert found == expected


def test_what_others_made_is_neither_used_nor_touched(stack_spec: StackSpec) -> None:
    there = {"green": Live({"instance_type": A}, "other")}
    assert roll_out(stack_spec, there, {"green": 100}) == Rollout("blue")


@pytest.mark.parametrize("name", ["blue", "a" * 32, "a" * 26 + "-bcdef", "x-1234"])
def test_azure_accepts_the_name_of_a_second_deployment(name: str) -> None:
    made = sibling(name, A)
    assert len(made) <= 32
    assert "--" not in made
    assert is_sibling(made, name)
    assert made == sibling(name, A.upper()) != sibling(name, B)


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        pytest.param({}, True, id="the-first-split"),
        pytest.param({"blue": 100}, True, id="its-own-share"),
        pytest.param({"old": 10, "others": 90}, True, id="the-share-of-one-that-leaves"),
        pytest.param({"others": 100}, False, id="all-of-it-is-somebody-elses"),
    ],
)
def test_whether_it_gets_requests_in_the_end(traffic: dict[str, int], expected: bool) -> None:
    assert Rollout("blue", leaving=("old",)).gets_requests(traffic) is expected


V1, V2, V3 = "v1", "v2", "v3"
TO_2, TO_3 = (sibling("blue", version) for version in (V2, V3))
MOVING = Canary(TO_2, "blue", 25)


@pytest.mark.parametrize(
    ("there", "traffic", "record", "wanted", "expected"),
    [
        pytest.param({}, {}, None, V1, ("blue", "", ()), id="nothing-there"),
        pytest.param({"blue": V1}, {"blue": 100}, None, V1, ("blue", "", ()), id="as-the-spec-says"),
        pytest.param({"blue": V1}, {"blue": 100}, None, V2, (TO_2, "blue", ("blue",)), id="another-version-beside"),
        pytest.param({"blue": V1}, {}, None, V2, ("blue", "", ()), id="without-requests-in-place"),
        pytest.param(
            {"blue": V1, TO_2: V2}, {"blue": 75, TO_2: 25}, MOVING, V2, (TO_2, "blue", ("blue",)), id="half-way-goes-on"
        ),
        pytest.param(
            {"blue": V1, TO_2: V2}, {TO_2: 100}, MOVING, V2, (TO_2, "blue", ("blue",)), id="at-100-it-is-still-watched"
        ),
        pytest.param({"blue": V1, TO_2: V2}, {TO_2: 100}, None, V2, (TO_2, "", ("blue",)), id="done"),
        pytest.param(
            {"blue": V1, TO_2: V2}, {"blue": 75, TO_2: 25}, MOVING, V1, ("blue", "", (TO_2,)), id="the-old-one-again"
        ),
        pytest.param(
            {"blue": V1, TO_2: V2},
            {"blue": 75, TO_2: 25},
            MOVING,
            V3,
            (TO_3, "blue", tuple(sorted(("blue", TO_2)))),
            id="a-third-in-the-middle",
        ),
        pytest.param(
            {"blue": V1, TO_2: V2},
            {TO_2: 100},
            MOVING,
            V3,
            (TO_3, "blue", tuple(sorted(("blue", TO_2)))),
            id="a-third-before-the-second-has-passed",
        ),
        pytest.param(
            {"blue": V1, TO_2: V2}, {TO_2: 100}, None, V3, ("blue", TO_2, (TO_2,)), id="idle-name-is-used-again"
        ),
    ],
)
def test_the_deployments_of_a_rollout_in_steps(
    stack_spec: StackSpec,
    there: dict[str, str],
    traffic: dict[str, int],
    record: Canary | None,
    wanted: str,
    expected: tuple[str, str, tuple[str, ...]],
) -> None:
    spec = stack_spec.but(rollout=RolloutSpec())
    live = {name: Live({"instance_type": A, "version": version}, "demo") for name, version in there.items()}
    steps = Steps(record, lambda one: one.state["version"] == wanted, wanted)
    found = roll_out(spec, live, traffic, "", steps)
    assert (found.current, found.stable, found.leaving) == expected
    assert found.kept in ("", found.stable) or not found.stable
