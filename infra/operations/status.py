"""`status`: what exists of a stack right now, and what differs from the spec."""

import re
from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import Refused
from infra.operations.plan import plan
from infra.parallel import together
from infra.planning.desired import catalog_model_name
from infra.planning.observe import deployments
from infra.planning.plan import Action
from infra.planning.token_access import token_spec
from infra.resources.base import PREVIOUS_TAG, Live
from infra.resources.connection import Connection
from infra.resources.endpoint import live_endpoint
from infra.resources.startup_watch import read_log
from infra.resources.traffic import positive
from infra.spec.model import StackSpec

STARTUP = re.compile(r"\[startup\] (?P<phase>[a-z ]+?) (?P<seconds>[\d.]+) s")


def status(spec: StackSpec, target: Target) -> dict[str, Any]:
    """The state of each resource, and under `drift` what differs from the spec."""
    found = _existing(spec, target.cloud)
    if found["endpoint"] is None:
        return found
    try:
        changes = plan(spec, target, token=None).changes
    except Refused as error:
        if error.code != "not_ours":
            raise
        # what is not the stack's has no drift, but is shown all the same
        return {**found, "drift": [], "refused": f"{error}; {error.hint}"}
    drift = [
        {"kind": change.kind, "name": change.name, "action": str(change.action), "fields": change.fields}
        for change in changes
        if change.action is not Action.NONE
    ]
    return {**found, "drift": drift}


def _existing(spec: StackSpec, cloud: Cloud) -> dict[str, Any]:
    """Endpoint, deployments, connection and catalog entries as they are; what is absent is None or empty."""
    name = spec.endpoint.name.lower()
    where = token_spec(spec)
    model = catalog_model_name(spec)
    found: list[Any] = together(
        [
            lambda: cloud.management.get(cloud.workspace.endpoint(name)),
            lambda: deployments(cloud, name),
            lambda: Connection(where.connection, where.key, spec.name).read(cloud),
            lambda: cloud.management.list(f"{cloud.workspace.id}/models/{model}/versions"),
        ]
    )
    endpoint, lives, connection, versions = found
    return {
        "stack": spec.name,
        "local": cloud.local,
        "workspace": cloud.workspace.name,
        "endpoint": _endpoint(endpoint, set(lives)),
        "deployments": [_deployment(cloud, name, live) for _, live in sorted(lives.items())],
        "connection": connection and {"name": where.connection, "key": where.key, "owner": connection.owner},
        "models": [f"{model}:{version['name']}" for version in versions],
    }


def _endpoint(document: dict[str, Any] | None, deployed: set[str]) -> dict[str, Any] | None:
    if document is None:
        return None
    live = live_endpoint(document)
    properties = document.get("properties", {})
    return {
        "name": live.state["name"],
        "state": live.provisioning,
        "scoring_uri": properties.get("scoringUri"),
        "auth_mode": live.state["auth_mode"],
        "traffic": (traffic := positive(properties.get("traffic"))),
        "previous": previous if (previous := live.state["tags"].get(PREVIOUS_TAG)) in deployed - set(traffic) else None,
        "owner": live.owner,
    }


def _deployment(cloud: Cloud, endpoint: str, live: Live) -> dict[str, Any]:
    log = read_log(cloud, cloud.workspace.deployment(endpoint, str(live.state["name"])), tail=1000)
    return {
        "name": live.state["name"],
        "state": live.provisioning,
        "instance_type": live.state["instance_type"],
        "instance_count": live.state["instance_count"],
        "owner": live.owner,
        "startup": {match["phase"]: float(match["seconds"]) for match in STARTUP.finditer(log)},
    }
