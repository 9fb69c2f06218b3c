"""The fields of `rollout`: what they mean and which mistakes are told."""

from typing import Any

import pytest

from infra.spec.check import Mistakes
from infra.spec.model import StackSpec, spec_from
from infra.spec.rollout import RolloutSpec


def rollout(values: dict[str, Any], written: Any) -> RolloutSpec:
    spec: StackSpec = spec_from({**values, "rollout": written})
    assert spec.rollout is not None
    return spec.rollout


def test_an_empty_one_moves_in_three_steps_and_judges_errors(spec_values: dict[str, Any]) -> None:
    found = rollout(spec_values, {})
    assert (found.steps, found.pause, found.mirror) == ((5, 25, 100), "5m", None)
    assert (found.slo.error_rate, found.slo.ttft_p95, found.slo.gap_p95) == ("1%", None, None)


def test_the_last_step_is_always_everything(spec_values: dict[str, Any]) -> None:
    assert rollout(spec_values, {"canary": [10, 50]}).steps == (10, 50, 100)
    assert rollout(spec_values, {"canary": [100]}).steps == (100,)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param({"canary": [25, 5]}, "rollout.canary: [25, 5] must go up from step to step", id="steps-go-up"),
        pytest.param({"canary": [5, 5]}, "must go up from step to step", id="no-step-twice"),
        pytest.param({"canary": []}, "rollout.canary", id="no-step"),
        pytest.param({"canary": [0, 50]}, "rollout.canary.0", id="step-of-nothing"),
        pytest.param({"canary": [50, 101]}, "rollout.canary.1", id="more-than-everything"),
        pytest.param({"pause": "soon"}, "rollout.pause: 'soon' must be a duration", id="pause"),
        pytest.param({"pause": "2d"}, "rollout.pause: '2d' must not be longer than a day", id="pause-of-days"),
        pytest.param({"mirror": 60}, "rollout.mirror", id="azure-mirrors-half-at-most"),
        pytest.param({"slo": {"ttft_p95": "0s"}}, "rollout.slo.ttft_p95: '0s' must be longer than 0", id="no-time"),
        pytest.param({"slo": {"error_rate": "1"}}, "rollout.slo.error_rate: '1' must be a percentage", id="percent"),
        pytest.param({"slo": {"ttft_p99": "1s"}}, "rollout.slo.ttft_p99", id="unknown-limit"),
    ],
)
def test_mistakes_are_told(spec_values: dict[str, Any], written: Any, message: str) -> None:
    with pytest.raises(Mistakes) as error:
        rollout(spec_values, written)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        pytest.param({"pause": 5}, "for example `5m` or `800ms`", id="pause-without-unit"),
        pytest.param({"slo": {"error_rate": 0.01}}, "for example `1%`", id="fraction"),
    ],
)
def test_a_number_without_its_unit_is_told_the_way_out(spec_values: dict[str, Any], written: Any, hint: str) -> None:
    with pytest.raises(Mistakes) as error:
        rollout(spec_values, written)
    assert [mistake.hint for mistake in error.value.mistakes] == [hint]
