"""`plan`: what `up` would change, and why."""

from infra.azure.target import Target
from infra.planning.plan import Plan
from infra.planning.prepare import prepare
from infra.spec.model import StackSpec


def plan(spec: StackSpec, target: Target, *, token: str | None) -> Plan:
    """What `up` would change; reads side by side and changes nothing."""
    return prepare(spec, target, token=token).plan
