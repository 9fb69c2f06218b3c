"""`plan`: what `up` would change, and why."""

from infra.azure.target import Target
from infra.planning.costs.forecast import Cost, forecast
from infra.planning.plan import Plan
from infra.planning.prepare import prepare
from infra.spec.model import StackSpec


def plan(spec: StackSpec, target: Target, *, token: str | None) -> Plan:
    """The changes that `up` would make; reads in parallel and changes nothing."""
    return prepare(spec, target, token=token).plan


def priced_plan(spec: StackSpec, target: Target, *, token: str | None) -> tuple[Plan, Cost]:
    """The changes that `up` would make, and what they cost."""
    prepared = prepare(spec, target, token=token)
    return prepared.plan, forecast(prepared, target.prices)
