"""Which specs with several instances are refused, because the instances do not share the responses they keep."""

import pytest

from infra.errors import SpecError
from infra.hub.facts import ModelFacts
from infra.planning.response_store import check_response_store
from infra.spec.model import StackSpec

CHAT = ModelFacts("org/model", "c0", task="text-generation")
REDIS = {"SCORING_RESPONSE_STORE": "redis://cache:6379/0"}
SQLITE = {"SCORING_RESPONSE_STORE": "sqlite:///tmp/r.db"}
Variables = dict[str, str]


def changed(spec: StackSpec, count: int, variables: Variables, **more: bool) -> StackSpec:
    return spec.but(deployment=spec.deployment.but(instance_count=count, environment_variables=variables, **more))


@pytest.mark.parametrize(
    ("variables", "kept"), [pytest.param({}, "memory", id="memory"), pytest.param(SQLITE, "sqlite", id="sqlite")]
)
def test_several_instances_need_a_store_that_they_share(stack_spec: StackSpec, variables: Variables, kept: str) -> None:
    with pytest.raises(SpecError, match=f"instance_count 2: .*SCORING_RESPONSE_STORE: {kept}") as refused:
        check_response_store(changed(stack_spec, 2, variables), CHAT, 2)
    assert "deployment.responses_per_instance: true" in refused.value.hint
    assert "redis://" in refused.value.hint


@pytest.mark.parametrize(
    ("count", "variables", "wanted", "facts"),
    [
        pytest.param(1, {}, False, CHAT, id="one-instance"),
        pytest.param(2, REDIS, False, CHAT, id="redis"),
        pytest.param(2, {}, True, CHAT, id="wanted"),
        pytest.param(2, {}, False, ModelFacts("a/b", "c0", task="feature-extraction"), id="embeddings"),
        pytest.param(2, {}, False, None, id="registry-model"),
    ],
)
def test_others_pass(
    stack_spec: StackSpec, count: int, variables: Variables, wanted: bool, facts: ModelFacts | None
) -> None:
    check_response_store(changed(stack_spec, count, variables, responses_per_instance=wanted), facts, count)
