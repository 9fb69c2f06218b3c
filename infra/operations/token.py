"""The Hub token and its connection: write it, ask whether it serves, replace it."""

from typing import Any

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, GateliftError
from infra.hub.access import Hub
from infra.planning.desired import token_spec, uses_hub
from infra.resources.base import Live
from infra.resources.connection import Connection, fingerprint_of, fingerprints, stored_keys, token_hint
from infra.spec.model import StackSpec


def write(spec: StackSpec, cloud: Cloud, token: str) -> dict[str, Any]:
    """Put the token into the connection, whoever made that; nothing is checked but its form."""
    if not token.strip() or any(character.isspace() for character in token):
        raise AccessDenied(
            "the token is empty or has spaces in it", hint=token_hint(local=cloud.local), code="token_form"
        )
    _refuse_key_vault(spec)
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


def doubt(spec: StackSpec, hub: Hub, token: str) -> GateliftError | None:
    """What the Hub has against the token: it may not know it, or not let it at the model; None where all is well."""
    try:
        hub.token(token)
        if uses_hub(spec):
            hub.check_access(spec.model.id, token)
    except GateliftError as error:
        return error
    return None


def verify(spec: StackSpec, cloud: Cloud, hub: Hub, token: str | None) -> dict[str, Any]:
    """Ask the Hub about the token, given or stored, and the connection whether it holds the same one."""
    if token is None:
        _refuse_key_vault(spec)
    connection = _connection(spec, token)
    live = connection.read(cloud)
    stored = _stored(cloud, connection, live, needed=token is None)
    used = token or stored
    if used is None:
        message = f"there is no token: none was given and {connection.name} does not exist"
        raise AccessDenied(message, hint=token_hint(local=cloud.local), code="token_missing")
    who = hub.token(used)
    found: dict[str, Any] = {"user": who.user, "role": who.role, "source": "given" if token else "stored"}
    if uses_hub(spec):
        hub.check_access(spec.model.id, used)
        found |= {"model": spec.model.id, "access": "granted"}
    return found | {"connection": _described(connection, live, token, stored)}


def _refuse_key_vault(spec: StackSpec) -> None:
    if place := token_spec(spec).key_vault:
        vault, _, name = place.removeprefix("https://").split("/")[:3]
        hint = (
            f"`az keyvault secret set --vault-name {vault.partition('.')[0]} --name {name} --file FILE`, write the new "
            "version into token.key_vault, then `gatelift up`"
        )
        raise AccessDenied(f"the token lies in Key Vault, at {place}", hint=hint, code="token_in_key_vault")


def _connection(spec: StackSpec, token: str | None) -> Connection:
    where = token_spec(spec)
    return Connection(where.connection, where.key, spec.name, token)


def _stored(cloud: Cloud, connection: Connection, live: Live | None, *, needed: bool) -> str | None:
    """The token in the connection; not needed, it is None where it may not be read, and empty where there is none."""
    if live is None:
        return None
    try:
        token = stored_keys(cloud, connection.name).get(connection.key, "")
    except AccessDenied as error:
        if not needed:
            return None
        message = f"the token in {connection.name} cannot be checked: you may not read it"
        raise AccessDenied(message, hint="`export HF_TOKEN=…` to check that one instead", code=error.code) from None
    if needed and not token:
        hint = "`gatelift token set` writes it"
        raise GateliftError(f"{connection.name} has no key {connection.key}", hint=hint, code="connection_without_key")
    return token


def _described(connection: Connection, live: Live | None, token: str | None, stored: str | None) -> dict[str, Any]:
    """Compared with the secret itself where that may be read: others may have changed it below its fingerprint."""
    if live is None:
        return {"name": connection.name, "exists": False}
    marked = fingerprints(live.document).get(connection.key, "")
    found: dict[str, Any] = {"name": connection.name, "exists": True, "owner": live.owner, "fingerprint": marked}
    if token and stored is not None:
        found["same_token"] = stored == token
    elif token and marked:
        found["same_token"] = fingerprint_of(token, marked.partition(":")[0]) == marked
    return found
