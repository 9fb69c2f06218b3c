"""`token`: write the Hub token into its connection, check that it gives access to the model, replace it."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.hub.token_form import fault_of, trimmed
from infra.planning.lease import hold_lease
from infra.planning.serving import serving
from infra.planning.token_access import WRITE_ANEW, check_token, find_token, refuse_key_vault, token_spec
from infra.reporter import Reporter, Silent
from infra.resources.base import Live
from infra.resources.connection import Connection, fingerprint_of, fingerprints, stored_keys, token_hint
from infra.resources.deployment import restart
from infra.resources.startup_watch import StartupWatch
from infra.spec.model import StackSpec
from infra.spec.names import is_registry_model


def token_set(spec: StackSpec, target: Target, token: str) -> dict[str, Any]:
    """Write the token into the connection, even into one that the stack does not own; only the token's form is checked.

    Returns `{"connection", "key", "action", "fingerprint"}`.
    """
    cloud = target.cloud
    if fault := fault_of(token):
        raise AccessDenied(f"the token {fault}", hint=token_hint(local=cloud.local), code="token_form")
    refuse_key_vault(spec)
    connection = _connection(spec, token)
    live = connection.read(cloud)
    if live is None:
        connection.create(cloud, connection.desired)
    else:
        connection.update(cloud, live, connection.desired)
    stored = connection.read(cloud)
    return {
        "connection": connection.name,
        "key": connection.key,
        "action": "created" if live is None else "updated",
        "fingerprint": fingerprints(stored.document if stored else {}).get(connection.key, ""),
    }


def token_doubt(spec: StackSpec, target: Target, token: str) -> GateliftError | None:
    """The error with which the Hub refuses the token or its access to the model; None where it accepts both."""
    try:
        check_token(spec, target.hub, token)
    except GateliftError as error:
        return error
    return None


def token_verify(spec: StackSpec, target: Target, token: str | None) -> dict[str, Any]:
    """Ask the Hub about the token, given or stored, and check whether the connection holds the same one.

    Returns `{"user", "role", "source", "model", "access", "connection": {…}}`.
    """
    cloud, connection = target.cloud, _connection(spec, token)
    live = connection.read(cloud)
    found = find_token(spec, target, given=token, connection=live)
    facts = check_token(spec, target.hub, found.value)
    result: dict[str, Any] = {"user": facts.user, "role": facts.role, "source": found.source}
    if found.warning:
        result["warning"] = f"{found.warning}; {WRITE_ANEW}"
    if not is_registry_model(spec.model.id):
        result |= {"model": spec.model.id, "access": "granted"}
    return result | {"connection": _described(cloud, connection, live)}


def token_rotate(spec: StackSpec, target: Target, token: str, *, reporter: Reporter | None = None) -> dict[str, Any]:
    """Check the new token, write it, and restart the deployment's containers so that they read it.

    Returns what `token_set` returns, and under `deployment` either `rolled` or `not running`.
    """
    token_verify(spec, target, token)
    cloud = target.cloud_for(reporter or Silent())
    with hold_lease(cloud, "token rotate", lambda: None):
        with cloud.locks.shared():
            written = token_set(spec, target, token)
        rolled = _restart(spec, cloud)
    return {**written, "deployment": "rolled" if rolled else "not running"}


def _restart(spec: StackSpec, cloud: Cloud) -> bool:
    """Restart the containers of the stack's deployment that serves; false where the stack has none."""
    endpoint = spec.endpoint.name.lower()
    try:
        endpoint_now = serving(cloud, spec)
    except NotFound:
        return False
    own = {name: live for name, live in endpoint_now.deployments.items() if live.owner == spec.name}
    name = endpoint_now.busiest if endpoint_now.busiest in own else endpoint_now.name
    live = own.get(name)
    if live is None:
        return False
    began = cloud.clock.now()
    variable = {"GATELIFT_ROLLED": cloud.clock.utc().isoformat()}
    cloud.reporter.phase_started("deployment", name)
    with StartupWatch(cloud, endpoint, name) as watch:
        restart(cloud, endpoint, live, variable, watch.tick)
    cloud.reporter.phase_finished("deployment", name, cloud.clock.now() - began, "rolled")
    return True


def _connection(spec: StackSpec, token: str | None) -> Connection:
    where = token_spec(spec)
    return Connection(where.connection, where.key, spec.name, token)


def _described(cloud: Cloud, connection: Connection, live: Live | None) -> dict[str, Any]:
    """The connection, and whether it holds the given token.

    The secrets themselves are compared where they may be read, since somebody may have changed the token without its
    fingerprint.
    """
    if live is None:
        return {"name": connection.name, "exists": False}
    fingerprint = fingerprints(live.document).get(connection.key, "")
    result: dict[str, Any] = {"name": connection.name, "exists": True, "owner": live.owner, "fingerprint": fingerprint}
    if connection.token is None:
        return result
    try:
        return result | {
            "same_token": trimmed(stored_keys(cloud, connection.name).get(connection.key, "")) == connection.token
        }
    except AccessDenied:
        same = fingerprint_of(connection.token, fingerprint.partition(":")[0]) == fingerprint
        return result | ({"same_token": same} if fingerprint else {})
