"""`token`: write the Hub token into its connection, ask whether it opens the model, replace it."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.planning.lease import held
from infra.planning.serving import serving
from infra.planning.token_access import check_token, find_token, refuse_key_vault, token_spec
from infra.reporter import Reporter, Silent
from infra.resources.base import Live
from infra.resources.connection import Connection, fingerprint_of, fingerprints, stored_keys, token_hint
from infra.resources.deployment import restart
from infra.resources.startup_watch import StartupWatch
from infra.spec.model import StackSpec
from infra.spec.names import is_registry_model


def token_set(spec: StackSpec, target: Target, token: str) -> dict[str, Any]:
    """Write the token into the connection, whoever made that; nothing is checked but its form.

    Returns `{"connection", "key", "action", "fingerprint"}`.
    """
    cloud = target.cloud
    if not token.strip() or any(character.isspace() for character in token):
        raise AccessDenied(
            "the token is empty or has spaces in it", hint=token_hint(local=cloud.local), code="token_form"
        )
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
    """Why the Hub would refuse the token, or the model to it; None where it would not."""
    try:
        check_token(spec, target.hub, token)
    except GateliftError as error:
        return error
    return None


def token_verify(spec: StackSpec, target: Target, token: str | None) -> dict[str, Any]:
    """Ask the Hub about the token, given or stored, and the connection whether it holds the same one.

    Returns `{"user", "role", "source", "model", "access", "connection": {…}}`.
    """
    cloud, connection = target.cloud, _connection(spec, token)
    live = connection.read(cloud)
    used = find_token(spec, cloud, target.hub, given=token, connection=live)
    who = check_token(spec, target.hub, used.value)
    found: dict[str, Any] = {"user": who.user, "role": who.role, "source": used.source}
    if not is_registry_model(spec.model.id):
        found |= {"model": spec.model.id, "access": "granted"}
    return found | {"connection": _described(cloud, connection, live)}


def token_rotate(spec: StackSpec, target: Target, token: str, *, reporter: Reporter | None = None) -> dict[str, Any]:
    """Check the new token, write it, and restart the deployment's containers so that they read it."""
    token_verify(spec, target, token)
    cloud = target.cloud_for(reporter or Silent())
    with held(cloud, lambda: None):
        written = token_set(spec, target, token)
        rolled = _roll(spec, cloud)
    return {**written, "deployment": "rolled" if rolled else "not running"}


def _roll(spec: StackSpec, cloud: Cloud) -> bool:
    """Restart the deployment's containers, so that they read their secrets again; false where there are none."""
    endpoint = spec.endpoint.name.lower()
    try:
        found = serving(cloud, spec)
    except NotFound:
        return False
    name = found.busiest
    live = found.lives.get(name)
    if live is None:
        return False
    began = cloud.clock.now()
    mark = {"GATELIFT_ROLLED": cloud.clock.utc().isoformat()}
    cloud.reporter.phase_started("deployment", name)
    with StartupWatch(cloud, endpoint, name) as watch:
        restart(cloud, endpoint, live, mark, watch.tick)
    cloud.reporter.phase_finished("deployment", name, cloud.clock.now() - began, "rolled")
    return True


def _connection(spec: StackSpec, token: str | None) -> Connection:
    where = token_spec(spec)
    return Connection(where.connection, where.key, spec.name, token)


def _described(cloud: Cloud, connection: Connection, live: Live | None) -> dict[str, Any]:
    """The connection, and whether it holds the given token: the secrets are compared where they may be read.

    The fingerprint is not enough: somebody else may have written another token beside it.
    """
    if live is None:
        return {"name": connection.name, "exists": False}
    marked = fingerprints(live.document).get(connection.key, "")
    found: dict[str, Any] = {"name": connection.name, "exists": True, "owner": live.owner, "fingerprint": marked}
    if connection.token is None:
        return found
    try:
        return found | {"same_token": stored_keys(cloud, connection.name).get(connection.key, "") == connection.token}
    except AccessDenied:
        same = fingerprint_of(connection.token, marked.partition(":")[0]) == marked
        return found | ({"same_token": same} if marked else {})
