"""`token`: write the Hub token into its connection, check that it gives access to the model, replace it."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError
from infra.hub.token_form import fault_of, trimmed
from infra.planning.lease import hold_lease
from infra.planning.observe import workspace
from infra.planning.readers import roll_readers
from infra.planning.token_access import WRITE_ANEW, check_token, find_token, refuse_key_vault, token_spec
from infra.reporter import Reporter, Silent
from infra.resources.base import Live
from infra.resources.connection import Connection, fingerprint_of, fingerprints, same_token, stored_keys, token_hint
from infra.spec.model import StackSpec


def token_set(spec: StackSpec, target: Target, token: str) -> dict[str, Any]:
    """Write the token into the connection, even into one that a person made; only the token's form is checked.

    Returns `{"connection", "key", "action", "fingerprint"}`; the action is `unchanged` where another stack's connection
    holds this token already. Raises `Refused` where it holds another one and the spec does not take it over.
    """
    cloud = target.cloud
    if fault := fault_of(token):
        raise AccessDenied(f"the token {fault}", hint=token_hint(local=cloud.local), code="token_form")
    refuse_key_vault(spec)
    connection = _connection(spec, token)
    live = connection.read(cloud)
    action = "updated"
    if live is None:
        workspace(cloud)
        connection.create(cloud, connection.desired)
        action = "created"
    elif _holds(connection, live) and not connection.take_over:
        action = "unchanged"
    else:
        connection.refuse_if_of_others(live)
        connection.update(cloud, live, connection.desired)
    stored = connection.read(cloud)
    return {
        "connection": connection.name,
        "key": connection.key,
        "action": action,
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
    try:
        found = find_token(spec, target, given=token, connection=live)
    except AccessDenied as error:
        if error.code != "token_missing":
            raise
        message = f"there is no token to verify: none was given, and the connection {connection.name} does not exist"
        raise AccessDenied(message, hint=token_hint(local=cloud.local), code=error.code) from None
    facts = check_token(spec, target.hub, found.value)
    result: dict[str, Any] = {"user": facts.user, "role": facts.role, "source": found.source}
    if found.warning:
        result["warning"] = f"{found.warning}; {WRITE_ANEW}"
    if spec.model.hub_ids:
        result |= {"model": spec.model.label, "access": "granted"}
    return result | {"connection": _described(cloud, connection, live)}


def token_rotate(spec: StackSpec, target: Target, token: str, *, reporter: Reporter | None = None) -> dict[str, Any]:
    """Check the new token, write it, and restart the containers of the stack's deployments so that they read it.

    Returns what `token_set` returns, and: `deployment`, either `rolled` or `not running`; `rolled`, the deployments
    that were restarted; `left`, those of others that read the same key and keep the old token until they are restarted.
    """
    token_verify(spec, target, token)
    cloud = target.cloud_for(reporter or Silent())
    with hold_lease(cloud, "token rotate", lambda: None):
        with cloud.locks.shared():
            written = token_set(spec, target, token)
        rolled, left = roll_readers(spec, cloud)
    return {**written, "deployment": "rolled" if rolled else "not running", "rolled": rolled, "left": left}


def _holds(connection: Connection, live: Live) -> bool:
    """Whether another stack's connection holds the given token already."""
    stored = live.state["credentials"].get(connection.key)
    return bool(stored and connection.token and live.owner not in ("", connection.stack)) and same_token(
        str(connection.token), str(stored)
    )


def _connection(spec: StackSpec, token: str | None) -> Connection:
    where = token_spec(spec)
    return Connection(where.connection, where.key, spec.name, token, spec.take_over)


def _described(cloud: Cloud, connection: Connection, live: Live | None) -> dict[str, Any]:
    """The connection, and whether it holds the given token.

    The secrets themselves are compared where they may be read, since somebody may have changed the token without its
    fingerprint.
    """
    if live is None:
        workspace(cloud)
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
