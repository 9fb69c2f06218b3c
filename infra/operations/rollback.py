"""`rollback`: moves the requests back to the deployment that served before."""

from typing import Any

from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import NotFound
from infra.operations.connect import ConnectInfo, connection_info, served_name
from infra.operations.smoke import smoke_test
from infra.planning.lease import hold_lease
from infra.planning.serving import Serving, serving
from infra.reporter import Reporter
from infra.resources.base import PREVIOUS_TAG
from infra.resources.canary.moves import move_back
from infra.resources.canary.shares import Shares
from infra.resources.endpoint import live_endpoint
from infra.resources.scaling.parked import parked_error
from infra.resources.scaling.setting import AutoscaleSetting, delete_setting, setting_name
from infra.resources.traffic import Traffic, nonzero
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.model import StackSpec


def rollback(spec: StackSpec, target: Target, *, reporter: Reporter, smoke: bool = True) -> dict[str, Any]:
    """Move the requests back to the previous deployment, after a smoke test of it; without `smoke` untested.

    A rollout in steps that is under way ends at once, also one that an `up` is working on: that sees it and stops.

    Returns `{"endpoint", "deployment", "previous", "traffic"}`; `previous` is the deployment that served until now.
    Raises `NotFound` where no previous deployment was kept.
    """
    cloud = target.cloud_for(reporter)
    if (stopped := _stop_steps(cloud, spec)) is not None:
        return stopped
    _find_previous(cloud, spec)
    with hold_lease(cloud, "rollback", lambda: connection_info(cloud, spec, target.entra_token)) as info:
        found, previous = _find_previous(cloud, spec)
        previous_info: ConnectInfo = replace(
            info, model=served_name(found.deployments[previous]) or info.model, deployment=previous
        )
        if smoke:
            private = live_endpoint(found.document).state["public_network_access"] == "disabled"
            smoke_test(previous_info, cloud, target.arm.timeouts, private=private)
        return _move_requests(cloud, spec, found, previous)


def _stop_steps(cloud: Cloud, spec: StackSpec) -> dict[str, Any] | None:
    """Move everything back to the deployment from which requests are moving; None where none are.

    No lock is taken, since the `up` that moves them holds it as long as it watches.
    """
    found = serving(cloud, spec)
    canary, mine = found.canary, [name for name, live in found.deployments.items() if live.owner == spec.name]
    if canary is None or not canary.under_way or not {canary.new, canary.old} <= set(mine):
        return None
    began, endpoint = cloud.clock.now(), spec.endpoint.name.lower()
    cloud.reporter.phase_started("traffic", endpoint)
    ended = cloud.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
    shares = Shares(canary.new, canary.old, tuple(mine))
    traffic = move_back(cloud, endpoint, replace(canary, since=ended, back="by `gatelift rollback`"), shares)
    cloud.reporter.phase_finished("traffic", endpoint, cloud.clock.now() - began, "updated")
    return {"endpoint": endpoint, "deployment": canary.old, "previous": canary.new, "traffic": traffic}


def _find_previous(cloud: Cloud, spec: StackSpec) -> tuple[Serving, str]:
    """The endpoint as it is, and the deployment to go back to."""
    found = serving(cloud, spec)
    if found.parked:
        raise parked_error(spec.name, found.parked)
    previous = str((found.document.get("tags") or {}).get(PREVIOUS_TAG, ""))
    live = found.deployments.get(previous)
    if live is None or live.owner != spec.name or found.traffic.get(previous):
        message = f"the endpoint {spec.endpoint.name.lower()} has no earlier deployment to go back to"
        hint = (
            "a deployment is kept when one with another instance_type or deployment.name replaces it, or with "
            "`rollout` one of another version, unless deployment.keep_previous is false"
        )
        raise NotFound(message, hint=hint, code="nothing_to_roll_back_to")
    return found, previous


def _move_requests(cloud: Cloud, spec: StackSpec, found: Serving, previous: str) -> dict[str, Any]:
    """Move the stack's whole share of the traffic to the previous deployment in one request."""
    leaving = tuple(name for name, live in found.deployments.items() if live.owner == spec.name and name != previous)
    replaced = max((name for name in leaving if found.traffic.get(name)), key=lambda n: found.traffic[n], default="")
    traffic = Traffic(spec.endpoint.name.lower(), previous, leaving, replaced)
    if scale := spec.deployment.autoscale:
        _scale(cloud, spec, scale, found, previous)
    live = traffic.read(cloud)
    began = cloud.clock.now()
    cloud.reporter.phase_started("traffic", traffic.name)
    if live is None:
        traffic.create(cloud, traffic.desired)
    else:
        traffic.update(cloud, live, traffic.settle(live))
    cloud.reporter.phase_finished("traffic", traffic.name, cloud.clock.now() - began, "updated")
    if replaced:
        delete_setting(cloud, setting_name(spec.workspace.name, traffic.name, replaced))
    after = nonzero((cloud.management.get(cloud.workspace.endpoint(traffic.name)) or {})["properties"].get("traffic"))
    return {"endpoint": traffic.name, "deployment": previous, "previous": replaced, "traffic": after}


def _scale(cloud: Cloud, spec: StackSpec, scale: AutoscaleSpec, found: Serving, previous: str) -> None:
    """Let Azure Monitor scale the previous deployment before it gets the requests."""
    size = str(found.deployments[previous].state["instance_type"])
    setting = AutoscaleSetting(spec.workspace.name, spec.endpoint.name.lower(), previous, size, scale, spec.name)
    setting.create(cloud, setting.desired)
