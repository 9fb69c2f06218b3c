"""The check of this machine's memory, on which `--local` serves the model."""

from infra.operations.doctor.model import ModelChecks
from infra.planning.local_fit import check_fit, config_of


def check_memory(checks: ModelChecks) -> str:
    """The model fits into this machine's memory; what runs already has its place."""
    spec, target = checks.spec, checks.target
    if not checks.parts:
        return f"{spec.model.label} is a registry model, whose size is not checked"
    facts = checks.parts[0].facts
    if not target.workspace.absent:
        endpoint = spec.endpoint.name.lower()
        id = target.workspace.deployment(endpoint, spec.deployment.name.lower())
        if target.arm.get(id) is not None:
            return f"{spec.deployment.name} runs already"
    return check_fit(spec, facts, config_of(spec, facts, target.hub, checks.given_token))
