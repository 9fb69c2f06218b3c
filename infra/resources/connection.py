"""The workspace connection that holds the Hub token as custom keys."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound, Refused
from infra.parallel import together
from infra.resources.base import OWNER_TAG, Live, Resource, State, owner_of

FINGERPRINT = "gatelift_fingerprint_"  # prefix of the metadata that has a token's fingerprint; the key follows
LIST_SECRETS = "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"
HIDDEN_TOKEN = "(a token)"  # noqa: S105 in a plan, where the token itself must not be seen


@dataclass(frozen=True)
class Connection(Resource):
    """A connection with the Hub token under `key`; a plan contains a salted fingerprint of it, never the token.

    What another stack or a person made is used as it is, unless the spec takes it over.
    """

    connection: str
    key: str
    stack: str
    token: str | None = field(default=None, repr=False)
    take_over: bool = False

    kind: ClassVar[str] = "connection"
    updatable: ClassVar[frozenset[str]] = frozenset({"type", "target", "metadata", "credentials"})
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connection

    @property
    def desired(self) -> State:
        """Custom keys with a placeholder for the token."""
        return {"name": self.connection, "type": "custom", "credentials": {self.key: HIDDEN_TOKEN}}

    def settle(self, live: Live) -> State:
        """What others made is used as it is; in the stack's own connection, the token's fingerprint is compared."""
        if self.is_of_others(live) and not self.take_over:
            return {}
        shown = live.state["credentials"].get(self.key, HIDDEN_TOKEN)
        if self.token is not None and shown != HIDDEN_TOKEN:
            shown = fingerprint_of(self.token, shown.partition(":")[0])
        return {"name": self.connection, "type": "custom", "credentials": {self.key: shown}}

    def is_of_others(self, live: Live) -> bool:
        """Whether another stack or a person made it; one that has lost all of its keys and its owner is nobody's."""
        empty = live.state["type"] == "custom" and live.seen.get("keys") == []
        return live.owner != self.stack and (bool(live.owner) or not empty)

    def takes_over(self, live: Live) -> bool:
        """Whether it is of others and the spec says `take_over`."""
        return self.take_over and self.is_of_others(live)

    def remark_on(self, live: Live) -> str:
        """Where the connection is of others: whether it lacks the key, or holds another token than the given one."""
        if self.take_over or not self.is_of_others(live):
            return ""
        if self.key not in live.seen.get("keys", [self.key]):
            return f"it has no key {self.key}, without which no container starts: {self._way_out(live)}"
        stored = live.state["credentials"].get(self.key)
        if self.token is None or stored is None or same_token(self.token, stored):
            return ""
        return f"it holds another token than the given one, which is not written: {self._way_out(live)}"

    def refuse_if_of_others(self, live: Live) -> None:
        """Raise `Refused` where another stack made it and the spec does not take it over."""
        if live.owner in ("", self.stack) or self.take_over:
            return
        message = f"the connection {self.connection} belongs to the stack {live.owner}"
        raise Refused(message, hint=self._way_out(live), code="not_ours")

    def _way_out(self, live: Live) -> str:
        theirs = f"use the spec of the stack {live.owner}, or " if live.owner else ""
        return f"{theirs}`--take-over` makes the connection the stack {self.stack}'s own and writes the token"

    def read(self, cloud: Cloud) -> Live | None:
        """The connection without its secrets, of which only names and fingerprints are kept.

        Where the caller may read the secrets, a key that was lost or changed under its fingerprint is seen.
        """
        both: list[Any] = together(
            [
                lambda: cloud.management.get(cloud.workspace.connection(self.connection)),
                lambda: _readable_keys(cloud, self.connection),
            ]
        )
        document, keys = both
        if document is None:
            return None
        properties = document.get("properties", {})
        state: State = {"name": document["name"], "type": _yaml_type(properties)}
        state["credentials"] = _as_stored(fingerprints(document), keys)
        seen = {} if keys is None else {"keys": sorted(keys)}
        return Live(state, owner_of(properties.get("metadata")), "Succeeded", document, seen)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the connection with the token; raises `AccessDenied` where no token was given."""
        if self.token is None:
            raise AccessDenied(
                f"cannot create the connection {self.connection} without a token", hint=token_hint(local=cloud.local)
            )
        self._write(cloud, {self.key: self.token}, {}, owner=self.stack)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write it again with its present keys and the token; its owner stays the same unless it is taken over.

        Raises `AccessDenied` where its keys may not be read: writing it without them would lose them.
        """
        try:
            keys = stored_keys(cloud, self.connection)
        except AccessDenied as error:
            message = f"the connection {self.connection} is not written: {error}; without its keys they would be lost"
            hint = f"ask for the action {LIST_SECRETS} on the workspace, or let somebody who has it run the command"
            raise AccessDenied(message, hint=hint, code="keys_not_readable") from None
        token = self.token or find_stored_token(live, keys, self.key)
        if token is None:
            message = f"the connection {self.connection} has no token under the key {self.key}"
            raise AccessDenied(message, hint=token_hint(local=cloud.local))
        owner = live.owner if self.is_of_others(live) and not self.take_over else self.stack
        self._write(cloud, {**keys, self.key: token}, live.document, owner=owner)

    def delete(self, cloud: Cloud) -> None:
        """Delete the connection."""
        cloud.delete(cloud.workspace.connection(self.connection))

    def _write(self, cloud: Cloud, keys: Mapping[str, str], before: Mapping[str, Any], *, owner: str) -> None:
        """Write the keys, with a new fingerprint for the token; the other keys' fingerprints and metadata are kept."""
        salted = fingerprint_of(keys[self.key], secrets.token_hex(8))
        known = {key: value for key, value in fingerprints(before).items() if key in keys} | {self.key: salted}
        metadata = before.get("properties", {}).get("metadata") or {}
        others = {name: v for name, v in metadata.items() if name != OWNER_TAG and not name.startswith(FINGERPRINT)}
        owned = {OWNER_TAG: f"{owner}@{salted.partition(':')[2][:12]}"} if owner else {}
        body = {
            "properties": {
                "category": "CustomKeys",
                "authType": "CustomKeys",
                "target": "_",
                "isSharedToAll": True,
                "credentials": {"keys": dict(keys)},
                "metadata": {**others, **owned, **{f"{FINGERPRINT}{key}": value for key, value in known.items()}},
            }
        }
        cloud.management.put(cloud.workspace.connection(self.connection), body)


def _as_stored(known: Mapping[str, str], keys: Mapping[str, str] | None) -> dict[str, str]:
    """The fingerprints of what is stored: those of lost keys are left out, those of changed ones made again."""
    if keys is None:
        return dict(known)
    salts = {key: value.partition(":")[0] for key, value in known.items() if key in keys}
    return {key: fingerprint_of(keys[key], salt) for key, salt in salts.items()}


def _readable_keys(cloud: Cloud, connection: str) -> dict[str, str] | None:
    """The secrets by key; None where the connection does not exist or its secrets may not be read."""
    try:
        return _listed(cloud, connection)
    except (AccessDenied, NotFound):
        return None


def fingerprints(document: Mapping[str, Any]) -> dict[str, str]:
    """The fingerprints in the connection's metadata, by key."""
    metadata = document.get("properties", {}).get("metadata") or {}
    return {k.removeprefix(FINGERPRINT): value for k, value in metadata.items() if k.startswith(FINGERPRINT)}


def find_stored_token(live: Live, keys: Mapping[str, str], key: str) -> str | None:
    """The token under `key`; in gatelift's own connection, else the one under a key that an earlier spec named."""
    earlier = fingerprints(live.document) if live.owner else {}
    return next((keys[name] for name in (key, *earlier) if keys.get(name)), None)


def stored_keys(cloud: Cloud, connection: str) -> dict[str, str]:
    """The secrets in the connection by key, empty where it does not exist; raises `AccessDenied` where not readable."""
    try:
        return _listed(cloud, connection)
    except NotFound:
        return {}


def _listed(cloud: Cloud, connection: str) -> dict[str, str]:
    answer = cloud.management.post(cloud.workspace.connection(connection) + "/listsecrets")
    keys = ((answer.get("properties", {}).get("credentials") or {}).get("keys")) or {}
    return {str(name): str(value) for name, value in keys.items()}


def fingerprint_of(token: str, salt: str) -> str:
    """`SALT:HMAC`, which shows whether two tokens are the same and reveals nothing else."""
    return f"{salt}:{hmac.new(salt.encode(), token.encode(), hashlib.sha256).hexdigest()[:16]}"


def same_token(token: str, fingerprint: str) -> bool:
    """Whether a fingerprint is the token's."""
    return fingerprint_of(token, fingerprint.partition(":")[0]) == fingerprint


def token_hint(*, local: bool) -> str:
    """The hint how to give a token."""
    if local:
        return "run `export HF_TOKEN=$(gatelift emulator token)`; a model of the real Hub wants your token there"
    return "run `export HF_TOKEN=…` (https://huggingface.co/settings/tokens), or `gatelift token set`"


def _yaml_type(properties: dict[str, Any]) -> str:
    custom = (properties.get("category"), properties.get("authType")) == ("CustomKeys", "CustomKeys")
    return "custom" if custom else f"{properties.get('category')} with {properties.get('authType')}"
