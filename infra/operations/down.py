"""`down`: deletes what the stack owns, and nothing else."""

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.planning.apply import run_steps
from infra.planning.lease import clear_abandoned, held
from infra.planning.plan import Change, Plan
from infra.planning.teardown import Doomed, find_doomed, to_steps
from infra.reporter import Reporter
from infra.spec.model import StackSpec


def plan_down(spec: StackSpec, target: Target) -> Plan:
    """What `down` would delete and what it would leave, and why."""
    return Plan(spec.name, tuple(item.change for item in _doomed(spec, target.cloud)))


def down(spec: StackSpec, target: Target, *, reporter: Reporter) -> list[Change]:
    """Delete what the stack owns, in reverse order; returns everything that was looked at."""
    cloud = target.cloud_for(reporter)
    doomed = _doomed(spec, cloud)
    if any(item.run for item in doomed):
        with held(cloud, lambda: _doomed(spec, cloud)) as doomed:
            run_steps(cloud, to_steps(doomed))
    else:
        clear_abandoned(cloud, cloud)
    return [item.change for item in doomed]


def _doomed(spec: StackSpec, cloud: Cloud) -> list[Doomed]:
    return sorted(find_doomed(spec, cloud), key=lambda item: item.wave)
