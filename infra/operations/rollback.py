"""`rollback`: requests go back to the deployment that served before."""

from typing import Any

from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotFound
from infra.operations.connect import ConnectInfo, connection_info, served_name
from infra.operations.smoke import smoke_test
from infra.planning.lease import held
from infra.planning.serving import Serving, serving
from infra.reporter import Reporter
from infra.resources.base import PREVIOUS_TAG
from infra.resources.traffic import Traffic, positive
from infra.spec.model import StackSpec


def rollback(spec: StackSpec, target: Target, *, reporter: Reporter) -> dict[str, Any]:
    """Give the requests back to what served before: `{"endpoint", "deployment", "previous", "traffic"}`."""
    cloud = target.cloud_for(reporter)
    _find_previous(cloud, spec)
    with held(cloud, lambda: connection_info(cloud, spec, target.entra_token)) as reached:
        found, previous = _find_previous(cloud, spec)
        asked: ConnectInfo = replace(
            reached, model=served_name(found.lives[previous]) or reached.model, deployment=previous
        )
        smoke_test(asked, cloud, target.arm.timeouts)
        return _move_requests(cloud, spec, found, previous)


def _find_previous(cloud: Cloud, spec: StackSpec) -> tuple[Serving, str]:
    """What serves now and the deployment to go back to."""
    found = serving(cloud, spec)
    previous = str((found.document.get("tags") or {}).get(PREVIOUS_TAG, ""))
    live = found.lives.get(previous)
    if live is None or live.owner != spec.name or found.traffic.get(previous):
        message = f"the endpoint {spec.endpoint.name.lower()} has no earlier deployment to go back to"
        hint = "one is kept when another instance_type or deployment.name takes over, unless keep_previous is false"
        raise NotFound(message, hint=hint, code="nothing_to_roll_back_to")
    return found, previous


def _move_requests(cloud: Cloud, spec: StackSpec, found: Serving, previous: str) -> dict[str, Any]:
    """Move the stack's whole share to the previous deployment in one write."""
    leaving = tuple(name for name, live in found.lives.items() if live.owner == spec.name and name != previous)
    left = max((name for name in leaving if found.traffic.get(name)), key=lambda n: found.traffic[n], default="")
    traffic = Traffic(spec.endpoint.name.lower(), previous, leaving, left)
    live = traffic.read(cloud)
    began = cloud.clock.now()
    cloud.reporter.phase_started("traffic", traffic.name)
    traffic.create(cloud, traffic.settle(live) if live else traffic.desired)
    cloud.reporter.phase_finished("traffic", traffic.name, cloud.clock.now() - began, "updated")
    after = positive((cloud.management.get(cloud.workspace.endpoint(traffic.name)) or {})["properties"].get("traffic"))
    return {"endpoint": traffic.name, "deployment": previous, "previous": left, "traffic": after}
