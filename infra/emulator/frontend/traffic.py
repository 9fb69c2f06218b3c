"""Which deployment of an endpoint answers a request, and within which limits."""

import random
from dataclasses import dataclass
from typing import Any

from infra.emulator.iso_durations import seconds_of
from infra.emulator.state.store import Store

DEFAULT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """A deployment to send a request to; `pending_limit` is the number of requests it accepts at a time."""

    deployment_id: str
    timeout: float
    pending_limit: int


def choose(store: Store, endpoint_id: str, endpoint: dict[str, Any], asked_for: str) -> Target | None:
    """The deployment that the header names, else one by the weights of the traffic rules; None where there is none."""
    name = asked_for or _draw(endpoint.get("properties", {}).get("traffic"))
    return _target(store, endpoint_id, name) if name else None


def choose_mirror(store: Store, endpoint_id: str, endpoint: dict[str, Any]) -> Target | None:
    """The deployment that gets a copy of this request, None for most requests."""
    for name, percent in (endpoint.get("properties", {}).get("mirrorTraffic") or {}).items():
        if random.uniform(0, 100) < float(percent):  # noqa: S311 (a load balancer, no secret)
            return _target(store, endpoint_id, name)
    return None


def _draw(traffic: dict[str, Any] | None) -> str | None:
    weights = {name: float(weight) for name, weight in (traffic or {}).items() if float(weight) > 0}
    if not weights:
        return None
    return random.choices(list(weights), list(weights.values()))[0]  # noqa: S311 (a load balancer, no secret)


def _target(store: Store, endpoint_id: str, name: str) -> Target | None:
    deployment_id = f"{endpoint_id}/deployments/{name}"
    deployment = store.get(deployment_id)
    if deployment is None:
        return None
    settings = deployment.get("properties", {}).get("requestSettings") or {}
    concurrency = int(settings.get("maxConcurrentRequestsPerInstance") or 1)
    instances = int((deployment.get("sku") or {}).get("capacity") or 1)
    return Target(
        deployment_id,
        seconds_of(settings.get("requestTimeout"), DEFAULT_TIMEOUT_SECONDS),
        2 * concurrency * instances,
    )
