"""`down`: deletes what the stack owns, and nothing else."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.parallel import together
from infra.planning.apply import run_steps
from infra.planning.costs.basis import basis_of
from infra.planning.costs.running import hourly_cost, types_of
from infra.planning.lease import hold_lease
from infra.planning.observe import deployments
from infra.planning.plan import Change, Plan
from infra.planning.removal.neighbours import Removal
from infra.planning.removal.teardown import find_removals, to_steps
from infra.reporter import Reporter
from infra.spec.model import StackSpec


def plan_down(spec: StackSpec, target: Target, *, weights: bool = False) -> Plan:
    """What `down` would delete and what it would keep, and why."""
    return Plan(spec.name, tuple(item.change for item in _removals(spec, target.cloud, weights)))


def plan_savings(spec: StackSpec, target: Target) -> dict[str, Any] | None:
    """What the stack's deployments cost, which `down` saves; None where none runs.

    Returns `{"currency", "region", "source", "as_of", "note", "hour", "month"}`.
    """
    cloud = target.cloud
    answers: list[Any] = together([lambda: cloud.region, lambda: deployments(cloud, spec.endpoint.name.lower())])
    region, found = answers
    mine = [live for live in found.values() if live.owner == spec.name]
    if not mine:
        return None
    basis = basis_of(target.prices, region, types_of(mine))
    return {**basis.to_json(), **hourly_cost(mine, basis)}


def down(spec: StackSpec, target: Target, *, reporter: Reporter, weights: bool = False) -> list[Change]:
    """Delete what the stack owns, in reverse order; returns the changes, including those of resources that are kept.

    With `weights` also the stack's uploaded and mirrored weights go, unless others use them.
    """
    cloud = target.cloud_for(reporter)
    removals = _removals(spec, cloud, weights)
    if any(item.run for item in removals):
        # Who else uses what is shared is decided under its lock, and stays true until it is deleted.
        with hold_lease(cloud, "down", lambda: None), cloud.locks.shared():
            removals = _removals(spec, cloud, weights)
            run_steps(cloud, to_steps(removals))
    return [item.change for item in removals]


def _removals(spec: StackSpec, cloud: Cloud, weights: bool) -> list[Removal]:
    return sorted(find_removals(spec, cloud, weights=weights), key=lambda item: item.wave)
