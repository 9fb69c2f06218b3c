"""Finds the Hub token and checks whether it gives access to the model, for `up`, `token` and `doctor`."""

from collections.abc import Collection

from msgspec import Struct

from infra.azure.target import Target
from infra.errors import AccessDenied
from infra.hub.access import Hub
from infra.hub.facts import TokenFacts
from infra.hub.token_form import dirt_of, fault_of, trimmed
from infra.resources.base import Live
from infra.resources.connection import find_stored_token, stored_keys, token_hint
from infra.spec.model import StackSpec, TokenSpec

WRITE_ANEW = "write it anew with `gatelift token set`, which trims what lies around a token"
CHECK_GIVEN = "`export HF_TOKEN=…` checks that token instead"
NOT_READABLE = {"token_in_key_vault", "token_not_readable"}
"""Error codes of `find_token` for a stored token that gatelift may not or cannot read."""


class FoundToken(Struct, frozen=True):
    """A Hub token; `source` is `given` (to the command) or `stored` (in the connection).

    `warning` says what lies around the stored one, such as a line end; `value` is without it.
    """

    value: str
    source: str
    warning: str = ""

    def __repr__(self) -> str:
        """The source only, so that the token is never printed."""
        return f"FoundToken(source={self.source!r})"


def token_spec(spec: StackSpec) -> TokenSpec:
    """Where the token is stored; by default in the connection that Hugging Face documents."""
    return spec.token or TokenSpec()


def find_token(
    spec: StackSpec, target: Target, *, given: str | None, connection: Live | None, earlier_keys: bool = False
) -> FoundToken:
    """The given token, else the stored one; `connection` is the live connection that the spec names.

    With `earlier_keys` a token under a key that the spec named before counts, too: `up` moves it to the new key.

    Raises `AccessDenied` where there is none; its code says why: one of `NOT_READABLE`, `connection_without_key` or
    `token_missing`.
    """
    where, cloud = token_spec(spec), target.cloud
    if given:
        return FoundToken(given, "given")
    if where.key_vault:
        raise _in_key_vault(where.key_vault, CHECK_GIVEN)
    if connection is None:
        message = (
            f"{spec.model.label} needs a token: none was given, and the connection {where.connection} does not exist"
        )
        access = f"; request access to the model at {target.hub.page(spec.model.label)}"
        hint = target.hub.how_to_get(spec.model.label) if cloud.local else token_hint(local=False) + access
        raise AccessDenied(message, hint=hint, code="token_missing")
    try:
        keys = stored_keys(cloud, where.connection)
    except AccessDenied:
        message = f"cannot check the token in the connection {where.connection}: you may not read its secrets"
        raise AccessDenied(message, hint=CHECK_GIVEN, code="token_not_readable") from None
    stored = find_stored_token(connection, keys, where.key) if earlier_keys else keys.get(where.key)
    if not stored:
        message = f"the connection {where.connection} exists but has no key {where.key}"
        hint = "write the token with `gatelift token set`, or correct token.connection or token.key in the spec"
        raise AccessDenied(message, hint=hint, code="connection_without_key")
    return _stored(stored, where.connection)


def _stored(value: str, connection: str) -> FoundToken:
    token = trimmed(value)
    if fault := fault_of(token):
        message = f"the token in the connection {connection} is not one: it {fault}"
        raise AccessDenied(message, hint=WRITE_ANEW, code="token_form")
    dirt = dirt_of(value)
    return FoundToken(token, "stored", f"the token in the connection {connection} has {dirt}" if dirt else "")


def check_token(spec: StackSpec, hub: Hub, token: str, ids: Collection[str] | None = None) -> TokenFacts:
    """Ask the Hub whose token it is and whether it gives access to the model; each refusal has a code of its own.

    `ids` are the repositories to ask about: by default the spec's model and adapters, as far as they are of the Hub.
    """
    facts = hub.token(token)
    for id in spec.model.hub_ids if ids is None else ids:
        hub.check_access(id, token)
    return facts


def refuse_key_vault(spec: StackSpec) -> None:
    """Raise `AccessDenied` where the token is kept in Key Vault, which gatelift neither reads nor writes."""
    if place := token_spec(spec).key_vault:
        vault, _, name = place.removeprefix("https://").split("/")[:3]
        raise _in_key_vault(
            place,
            f"store it with `az keyvault secret set --vault-name {vault.partition('.')[0]} --name {name} --file FILE`, "
            "put the new version's address into token.key_vault, then run `gatelift up`",
        )


def _in_key_vault(place: str, hint: str) -> AccessDenied:
    return AccessDenied(
        f"the token is kept in Key Vault, at {place}, where gatelift does not read it",
        hint=hint,
        code="token_in_key_vault",
    )
