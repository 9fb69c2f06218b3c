"""`plan`: what `up` would change, and why."""

from infra.azure.target import Target
from infra.planning.plan import Plan
from infra.planning.prepare import prepare
from infra.spec.model import StackSpec


def plan(spec: StackSpec, target: Target, *, token: str | None) -> Plan:
    """The changes that `up` would make; reads in parallel and changes nothing."""
    return prepare(spec, target, token=token).plan
