"""Which of an endpoint's deployments is the spec's."""

import pytest

from infra.planning.rollout import Rollout, is_sibling, roll_out, sibling
from infra.resources.base import Live
from infra.spec.model import StackSpec

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
