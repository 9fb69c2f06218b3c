"""Everything the command line does with a stack, one function each."""

from collections.abc import Iterator
from typing import Any

from infra.azure.target import Target, open_target
from infra.errors import GateliftError, NotFound, Refused
from infra.operations import adopt as adoption
from infra.operations import catalog
from infra.operations import status as state
from infra.operations import token as hub_token
from infra.operations import up as provision
from infra.operations.connect import ConnectInfo
from infra.operations.rollback import find_previous
from infra.operations.rollback import rollback as rollback_to_previous
from infra.operations.up import UpResult, down, plan_down, prepare_up, up
from infra.planning.desired import shipped_sources
from infra.planning.lease import held
from infra.planning.plan import Action, Plan
from infra.planning.prepare import prepare
from infra.planning.serving import serving
from infra.reporter import Reporter, Silent
from infra.resources.startup_watch import read_log
from infra.spec.file import load_spec
from infra.spec.model import StackSpec

__all__ = [
    "ConnectInfo",
    "UpResult",
    "adopt",
    "catalog_hide",
    "catalog_list",
    "catalog_publish",
    "catalog_reveal",
    "catalog_show",
    "connection_info",
    "down",
    "follow_logs",
    "load_spec",
    "logs",
    "open_target",
    "plan",
    "plan_down",
    "prepare_up",
    "rollback",
    "status",
    "token_doubt",
    "token_rotate",
    "token_set",
    "token_verify",
    "up",
]

CONTAINERS = {"inference-server": "InferenceServer", "storage-initializer": "StorageInitializer"}
FOLLOW_EVERY = 1.0
FOLLOW_TAIL = 2000


def plan(spec: StackSpec, target: Target, *, token: str | None) -> Plan:
    """What `up` would change; costs parallel reads only."""
    return prepare(spec, target.cloud, target.hub_access, shipped_sources(), token=token).plan


def status(spec: StackSpec, target: Target) -> dict[str, Any]:
    """State of each resource, and what differs from the spec under `drift`."""
    found = state.status(target.cloud, spec)
    if found["endpoint"] is not None:
        try:
            changes = plan(spec, target, token=None).changes
        except Refused as error:
            if error.code != "not_ours":
                raise
            # what is not the stack's has no drift, but shows all the same
            return {**found, "drift": [], "refused": f"{error}; {error.hint}"}
        found["drift"] = [
            {"kind": change.kind, "name": change.name, "action": str(change.action), "fields": change.fields}
            for change in changes
            if change.action is not Action.NONE
        ]
    return found


def logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> tuple[str, list[str]]:
    """The deployment that is meant and the last lines of its container (`inference-server`, `storage-initializer`)."""
    id = _deployment_id(spec, target)
    text = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container])
    return id.rpartition("/")[2], text.splitlines()


def follow_logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> Iterator[str]:
    """Lines of the container's log as they come, without end."""
    id = _deployment_id(spec, target)
    seen = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container]).splitlines()
    yield from seen
    while True:
        target.clock.sleep(FOLLOW_EVERY)
        lines = read_log(target.cloud, id, tail=FOLLOW_TAIL, container=CONTAINERS[container]).splitlines()
        yield from new_lines(seen, lines)
        seen = lines


def new_lines(seen: list[str], lines: list[str]) -> list[str]:
    """What the second look shows beyond the first; the window's beginning may have moved on, too."""
    if not seen:
        return lines
    end = seen[-min(len(seen), 20) :]
    for start in range(len(lines) - len(end), -1, -1):
        if lines[start : start + len(end)] == end:
            return lines[start + len(end) :]
    return lines


def connection_info(spec: StackSpec, target: Target) -> ConnectInfo:
    """Base URL, credential and model name of the running endpoint."""
    return provision.connection(spec, target, target.cloud)


def rollback(spec: StackSpec, target: Target, *, reporter: Reporter) -> dict[str, Any]:
    """Give the requests back to what served before: `{"endpoint", "deployment", "previous", "traffic"}`."""
    cloud = target.cloud_for(reporter)
    find_previous(cloud, spec)
    with held(cloud, lambda: provision.connection(spec, target, cloud)) as reached:
        return rollback_to_previous(spec, cloud, reached)


def adopt(spec: StackSpec, target: Target) -> list[str]:
    """Make an endpoint that exists, and its deployment of the spec's name, the stack's own; what got its tag."""
    return adoption.adopt(spec, target.cloud)


def token_set(spec: StackSpec, target: Target, token: str) -> dict[str, Any]:
    """Write the token into the workspace connection: `{"connection", "key", "action", "fingerprint"}`."""
    return hub_token.write(spec, target.cloud, token)


def token_doubt(spec: StackSpec, target: Target, token: str) -> GateliftError | None:
    """Why the token may not serve, as far as the Hub says; None where it does."""
    return hub_token.doubt(spec, target.hub_access, token)


def token_verify(spec: StackSpec, target: Target, token: str | None) -> dict[str, Any]:
    """Ask Hub and connection whether the token serves: `{"user", "role", "model", "access", "connection": {…}}`."""
    return hub_token.verify(spec, target.cloud, target.hub_access, token)


def token_rotate(spec: StackSpec, target: Target, token: str, *, reporter: Reporter | None = None) -> dict[str, Any]:
    """Check the new token, write it, and roll the deployment so that it takes effect."""
    hub_token.verify(spec, target.cloud, target.hub_access, token)
    with held(target.cloud_for(reporter or Silent()), lambda: None):
        written = hub_token.write(spec, target.cloud, token)
        rolled = provision.roll(spec, target, reporter or Silent())
    return {**written, "deployment": "rolled" if rolled else "not running"}


def catalog_publish(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Create or bring up to date the model's entry in the catalogue; returns it."""
    return catalog.publish(target.cloud, catalog.entry_resource(spec, target.hub_access, shipped_sources(), None))


def catalog_list(spec: StackSpec, target: Target, *, include_hidden: bool, as_of: str | None) -> list[dict[str, Any]]:
    """Entries `{"name", "version", "visible", "invisible_until", "model", "tags"}`; hidden ones too if asked."""
    return catalog.listing(target.cloud, include_hidden=include_hidden, as_of=as_of)


def catalog_show(spec: StackSpec, target: Target, *, as_of: str | None = None) -> dict[str, Any]:
    """The spec's entry, with its model card under `card`."""
    card = catalog.entry_resource(spec, target.hub_access, shipped_sources(), None).card
    return catalog.show(target.cloud, spec, as_of) | {"card": card}


def catalog_hide(spec: StackSpec, target: Target, until: str) -> dict[str, Any]:
    """Hide the entry until that moment (`YYYY-MM-DDTHH:MM:SS.mmmZ`)."""
    return catalog.hide(target.cloud, spec, until)


def catalog_reveal(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Make the entry visible now by taking the tag away."""
    return catalog.hide(target.cloud, spec, None)


def _deployment_id(spec: StackSpec, target: Target) -> str:
    endpoint, found = spec.endpoint.name.lower(), serving(target.cloud, spec)
    name = found.name if found.name in found.lives else found.busiest
    if name not in found.lives:
        hint = "`gatelift up` makes it"
        raise NotFound(f"the endpoint {endpoint} has no deployment {name}", hint=hint, code="deployment_not_found")
    return target.cloud.workspace.deployment(endpoint, name)
