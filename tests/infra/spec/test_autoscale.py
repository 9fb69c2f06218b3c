"""`deployment.autoscale`: what may be written, and the message for every mistake."""

from typing import Any

import pytest

from infra.spec.autoscale import AutoscaleSpec
from infra.spec.check import Mistakes, read_as
from infra.spec.deployment import DeploymentSpec

GPU = "Standard_NC24ads_A100_v4"


def mistakes(kind: Any, values: dict[str, Any]) -> str:
    with pytest.raises(Mistakes) as caught:
        read_as(kind, values)
    return " | ".join(f"{'.'.join(map(str, one.where))}: {one.message}; {one.hint}" for one in caught.value.mistakes)


@pytest.mark.parametrize(
    ("written", "threshold"),
    [
        pytest.param({"target": 60}, 60, id="requests-as-a-number"),
        pytest.param({"target": "7.5"}, 7.5, id="requests-as-text-from-a-variable"),
        pytest.param({"metric": "latency", "target": "800ms"}, 800, id="latency-in-milliseconds"),
        pytest.param({"metric": "latency", "target": "8s"}, 8000, id="latency-in-seconds"),
        pytest.param({"metric": "gpu", "target": "55%"}, 55, id="gpu"),
        pytest.param({"metric": "gpu"}, 70, id="gpu-by-default"),
    ],
)
def test_a_target_is_read_in_the_unit_of_its_metric(written: dict[str, Any], threshold: float) -> None:
    assert read_as(AutoscaleSpec, {"max": 4, **written}).threshold == threshold


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param({"min": 5, "target": 1}, "min 5 is more than max 4; lower `min`", id="min-above-max"),
        pytest.param({"min": 0, "target": 1}, "0 is less than 1", id="no-zero"),
        pytest.param({}, "target is missing for the metric requests; add `target:`, the requests", id="no-target"),
        pytest.param({"metric": "latency"}, "target is missing for the metric latency", id="no-latency"),
        pytest.param({"target": "8s"}, "target '8s' does not fit the metric requests", id="duration-for-requests"),
        pytest.param({"target": 0}, "target '0' does not fit the metric requests", id="zero-requests"),
        pytest.param(
            {"metric": "latency", "target": 8}, "target '8' does not fit the metric latency", id="bare-number"
        ),
        pytest.param({"metric": "gpu", "target": 70}, "does not fit the metric gpu; write a percentage", id="no-sign"),
        pytest.param({"metric": "gpu", "target": "0%"}, "does not fit the metric gpu", id="zero-percent"),
        pytest.param({"metric": "gpu", "target": "100%"}, "does not fit the metric gpu", id="never-reached"),
        pytest.param({"metric": "latency", "target": "0s"}, "does not fit the metric latency", id="zero-seconds"),
        pytest.param({"target": [1]}, "must be a number, a duration or a percentage", id="list"),
        pytest.param({"target": 1, "cool_down": "30s"}, "cool_down 30s is not from 1m to 7d", id="short-cool-down"),
        pytest.param({"target": 1, "cool_down": "8d"}, "cool_down 8d is not from 1m to 7d", id="long-cool-down"),
        pytest.param({"metric": "schedule"}, "metric is schedule, but there is none", id="no-schedule"),
        pytest.param(
            {"metric": "schedule", "schedule": "daily 8-18 UTC", "target": 3}, "delete `target`", id="target-beside"
        ),
        pytest.param({"target": 1, "schedule": "daily"}, "must be days, hours and a time zone", id="words"),
        pytest.param({"metric": "tokens", "target": 1}, "'tokens' is not 'requests'", id="metric"),
    ],
)
def test_mistakes_are_told(written: dict[str, Any], told: str) -> None:
    assert told in mistakes(AutoscaleSpec, {"max": 4, **written})


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param(
            {"instance_count": 2, "autoscale": {"max": 4, "target": 60}},
            "instance_count 2 and autoscale contradict each other; delete `instance_count`",
            id="count-beside",
        ),
        pytest.param(
            {"instance_type": "Standard_DS3_v2", "autoscale": {"max": 4, "metric": "gpu"}},
            "autoscale.metric is gpu, but Standard_DS3_v2 has none",
            id="gpu-without-one",
        ),
    ],
)
def test_contradictions_within_the_deployment_are_told(written: dict[str, Any], told: str) -> None:
    assert told in mistakes(DeploymentSpec, {"instance_type": GPU, **written})
