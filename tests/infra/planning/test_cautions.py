"""What a plan says of a deployment's disk and of several GPUs: told before anything is created, never refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from infra.hub.facts import ModelFacts
from infra.planning.cautions import disk_need, shared_memory, with_cautions
from infra.planning.plan import Action, Change, Plan
from infra.planning.sources.found import Found
from infra.spec.deployment import DeploymentSpec
from infra.spec.model import spec_from

FACTS = ModelFacts("org/Gated_Model", "a" * 40)
H100, A100 = "Standard_NC40ads_H100_v5", "Standard_NC24ads_A100_v4"


def deployment(values: dict[str, Any], **changes: Any) -> DeploymentSpec:
    return spec_from({**values, "deployment": {"instance_type": H100, **changes}}).deployment


@pytest.mark.parametrize(
    ("size", "weights", "fits", "words"),
    [
        pytest.param(H100, 141_000_000_000, False, "141 GB) and the image (about 30 GB) do not fit", id="too-large"),
        pytest.param(H100, 16_000_000_000, True, "fit on the disk", id="fits"),
        pytest.param(H100, 270_000_000, True, "the weights (270 MB) and the image", id="small"),
        pytest.param(A100, 141_000_000_000, None, "is not documented", id="nobody-knows-the-disk"),
    ],
)
def test_the_disk(spec_values: dict[str, Any], size: str, weights: int, fits: bool | None, words: str) -> None:
    need = disk_need(deployment(spec_values, instance_type=size), replace(FACTS, weights=weights))
    assert need is not None
    assert (need.fits, words in str(need)) == (fits, True)


def test_weights_without_a_size_are_unknown(spec_values: dict[str, Any]) -> None:
    assert disk_need(deployment(spec_values), FACTS) is None
    assert disk_need(deployment(spec_values), None) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"engine": {"tensor_parallel_size": 2}}, True, id="two-gpus"),
        pytest.param({"engine": {"pipeline_parallel_size": "4"}}, True, id="as-text"),
        pytest.param({"engine": {"tensor_parallel_size": 1}}, False, id="one-gpu"),
        pytest.param({}, False, id="nothing-said"),
        pytest.param(
            {"engine": {"tensor_parallel_size": 2}, "environment_variables": {"NCCL_SHM_DISABLE": "1"}},
            False,
            id="done-already",
        ),
    ],
)
def test_several_gpus(spec_values: dict[str, Any], changes: dict[str, Any], told: bool) -> None:
    assert ("/dev/shm" in shared_memory(deployment(spec_values, **changes))) is told  # noqa: S108


@pytest.mark.parametrize(("action", "told"), [(Action.CREATE, True), (Action.UPDATE, True), (Action.NONE, False)])
def test_a_plan_says_it_where_the_deployment_changes(spec_values: dict[str, Any], action: Action, told: bool) -> None:
    plan = Plan("demo", (Change(Action.NONE, "endpoint", "e", "fine"), Change(action, "deployment", "blue", "why")))
    large = replace(FACTS, weights=141_000_000_000)
    endpoint, blue = with_cautions(plan, deployment(spec_values), Found(large)).changes
    assert endpoint.reason == "fine"
    assert blue.reason.startswith("why")
    assert ("do not fit" in blue.reason, "OutOfQuota" in blue.reason) == (told, told)
