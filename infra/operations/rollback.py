"""`rollback`: requests go back to the deployment that served before."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.errors import NotFound
from infra.operations import smoke
from infra.operations.connect import ConnectInfo, served_name
from infra.planning.serving import Serving, serving
from infra.resources.base import PREVIOUS_TAG
from infra.resources.traffic import Traffic, positive
from infra.spec.model import StackSpec


def find_previous(cloud: Cloud, spec: StackSpec) -> tuple[Serving, str]:
    """What serves now and the deployment to go back to."""
    found = serving(cloud, spec)
    previous = str((found.document.get("tags") or {}).get(PREVIOUS_TAG, ""))
    live = found.lives.get(previous)
    if live is None or live.owner != spec.name or found.traffic.get(previous):
        message = f"the endpoint {spec.endpoint.name.lower()} has no earlier deployment to go back to"
        hint = "one is kept when another instance_type or deployment.name takes over, unless keep_previous is false"
        raise NotFound(message, hint=hint, code="nothing_to_roll_back_to")
    return found, previous


def rollback(spec: StackSpec, cloud: Cloud, reached: ConnectInfo) -> dict[str, Any]:
    """Ask the previous deployment first, then move the stack's whole share to it in one write."""
    found, previous = find_previous(cloud, spec)
    began = cloud.clock.now()
    cloud.reporter.phase_started("smoke test", previous)
    model = served_name(found.lives[previous]) or reached.model
    smoke.ask(reached.base_url, reached.api_key, model, clock=cloud.clock, patience=cloud.patience, deployment=previous)
    cloud.reporter.phase_finished("smoke test", previous, cloud.clock.now() - began, "answered")
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
