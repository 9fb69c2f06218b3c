"""Finds the deployments of a workspace that read a stack's token, and restarts the stack's own."""

import re
from collections.abc import Mapping
from typing import Any

from infra.azure.cloud import Cloud
from infra.errors import GateliftError
from infra.parallel import together
from infra.planning.observe import deployments
from infra.planning.token_access import token_spec
from infra.resources.base import Live
from infra.resources.deployment import live_deployment, restart
from infra.resources.startup_watch import StartupWatch
from infra.spec.model import StackSpec

REFERENCE = re.compile(r"azureml://connections/([^/}]+)(?:/credentials/([^}]+))?")
ROLLED = "GATELIFT_ROLLED"  # the environment variable whose change restarts the containers


def roll_readers(spec: StackSpec, cloud: Cloud) -> tuple[list[str], list[dict[str, str]]]:
    """Restart the stack's deployments that read the token, one after the other and the oldest last.

    Returns those that were restarted, as `ENDPOINT/DEPLOYMENT`, and those of others that read it and were left, each as
    `{"deployment", "stack", "then"}`. An error names the ones that already have the new token.
    """
    where = token_spec(spec)
    names = [document["name"] for document in cloud.management.list(f"{cloud.workspace.id}/onlineEndpoints")]
    if spec.endpoint.name.lower() not in names:  # Azure's list may be out of date
        names.append(spec.endpoint.name.lower())
    found = together([lambda n=name: deployments(cloud, n) for name in names])  # type: ignore[misc]
    readers = [
        (endpoint, name, live)
        for endpoint, of_endpoint in zip(names, found, strict=True)
        for name, live in of_endpoint.items()
        if reads(live, where.connection, where.key)
    ]
    readers.sort(key=lambda reader: (_created(reader[2].document), reader[0], reader[1]), reverse=True)
    rolled: list[str] = []
    for endpoint, name, live in readers:
        if live.owner == spec.name:
            try:
                _roll(cloud, endpoint, name)
            except GateliftError as error:
                error.hint += f"; the new token is stored, {', '.join(rolled) or 'no deployment'} reads it already"
                raise
            rolled.append(f"{endpoint}/{name}")
    left = [_left(endpoint, name, live) for endpoint, name, live in readers if live.owner != spec.name]
    return rolled, sorted(left, key=lambda each: each["deployment"])


def reads(live: Live, connection: str, key: str = "") -> bool:
    """Whether a deployment's environment refers to the connection, and to this key of it if one is given."""
    variables = str(live.state.get("environment_variables"))
    return any(name == connection and key in ("", of) for name, of in REFERENCE.findall(variables))


def _roll(cloud: Cloud, endpoint: str, name: str) -> None:
    """Restart a deployment as it is now: it may have been scaled since the others were restarted."""
    document = cloud.management.get(cloud.workspace.deployment(endpoint, name))
    if document is None:
        return
    began = cloud.clock.now()
    cloud.reporter.phase_started("deployment", name)
    with StartupWatch(cloud, endpoint, name) as watch:
        restart(
            cloud, endpoint, live_deployment(document, endpoint), {ROLLED: cloud.clock.utc().isoformat()}, watch.tick
        )
    cloud.reporter.phase_finished("deployment", name, cloud.clock.now() - began, "rolled")


def _left(endpoint: str, name: str, live: Live) -> dict[str, str]:
    then = (
        f"run `gatelift token rotate` with the spec of the stack {live.owner} and the same token"
        if live.owner
        else "it reads the new token when its containers are restarted"
    )
    return {"deployment": f"{endpoint}/{name}", "stack": live.owner, "then": then}


def _created(document: Mapping[str, Any]) -> str:
    return str((document.get("systemData") or {}).get("createdAt", ""))
