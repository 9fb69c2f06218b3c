"""Refuses several instances that each keep `/v1/responses` for themselves: Azure's front end has no affinity."""

from infra.errors import SpecError
from infra.hub.facts import ModelFacts
from infra.spec.model import StackSpec

VARIABLE = "SCORING_RESPONSE_STORE"
WITHOUT_RESPONSES = frozenset({"feature-extraction", "sentence-similarity", "text-classification", "text-ranking"})


def check_response_store(
    spec: StackSpec, facts: ModelFacts | None, instances: int, source: str = "deployment.instance_count"
) -> None:
    """Raise `SpecError` where a later request may reach an instance that does not know the response it refers to.

    `facts` is None for a registry model, whose container is not gatelift's; `source` says where `instances` comes from.
    """
    if instances < 2 or facts is None or facts.task in WITHOUT_RESPONSES:
        return
    if not (store := own_store(spec)):
        return
    raise SpecError(
        f"{source} {instances}: each instance would keep /v1/responses for itself ({store}), and Azure sends a "
        "client's next request to any of them, which then answers 404 for previous_response_id",
        hint=f"set deployment.environment_variables.{VARIABLE} to redis://HOST:PORT/0, which all instances share; or, "
        "if nobody refers to earlier responses, deployment.responses_per_instance: true",
        code="responses_not_shared",
    )


def split_store(spec: StackSpec, facts: ModelFacts | None) -> str:
    """What to know of earlier responses while two deployments get requests; empty where nothing is lost."""
    if facts is None or facts.task in WITHOUT_RESPONSES or not (store := own_store(spec)):
        return ""
    return (
        "while requests are split, one with previous_response_id may reach the other deployment, which answers 404: "
        f"each keeps /v1/responses for itself ({store}; {VARIABLE}: redis://HOST:PORT/0 is shared)"
    )


def own_store(spec: StackSpec) -> str:
    """Where each instance keeps responses for itself, as `VARIABLE: KIND`; empty where it does not, or may."""
    store = spec.deployment.environment_variables.get(VARIABLE) or "memory"
    if spec.deployment.responses_per_instance or not store.startswith(("memory", "sqlite:")):
        return ""
    return f"{VARIABLE}: {store.partition(':')[0]}"
