"""The workspace connection that holds the Hub token: custom keys, written through ARM since azure-ai-ml cannot."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound
from infra.resources.base import OWNER_TAG, Live, Resource, State, owner_of

FINGERPRINT = "gatelift_fingerprint_"  # prefix of the metadata that has a token's fingerprint; the key follows
HIDDEN_TOKEN = "(a token)"  # noqa: S105 in a plan, where the token itself must not be seen


@dataclass(frozen=True)
class Connection(Resource):
    """A connection with the Hub token under `key`; a plan contains a salted fingerprint of it, never the token."""

    connection: str
    key: str
    stack: str
    token: str | None = field(default=None, repr=False)

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
        """A connection that others created is used as it is; in gatelift's own, the token's fingerprint is compared."""
        if not live.owner:
            return {}
        shown = live.state["credentials"].get(self.key, HIDDEN_TOKEN)
        if self.token is not None and shown != HIDDEN_TOKEN:
            shown = fingerprint_of(self.token, shown.partition(":")[0])
        return {"name": self.connection, "type": "custom", "credentials": {self.key: shown}}

    def read(self, cloud: Cloud) -> Live | None:
        """The connection, without its secrets."""
        document = cloud.management.get(cloud.workspace.connection(self.connection))
        if document is None:
            return None
        properties = document.get("properties", {})
        state: State = {"name": document["name"], "type": _yaml_type(properties)}
        state["credentials"] = fingerprints(document)
        return Live(state, owner_of(properties.get("metadata")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the connection with the token; raises `AccessDenied` where no token was given."""
        if self.token is None:
            raise AccessDenied(
                f"cannot create the connection {self.connection} without a token", hint=token_hint(local=cloud.local)
            )
        self._write(cloud, {self.key: self.token}, {}, owner=self.stack)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write it again with its present keys, as far as they may be read, and the token; its owner stays the same."""
        try:
            keys = stored_keys(cloud, self.connection)
        except AccessDenied:
            keys = {}
        token = self.token or find_stored_token(live, keys, self.key)
        if token is None:
            message = f"the connection {self.connection} has no token under the key {self.key}"
            raise AccessDenied(message, hint=token_hint(local=cloud.local))
        known = {key: fingerprint for key, fingerprint in fingerprints(live.document).items() if key in keys}
        self._write(cloud, {**keys, self.key: token}, known, owner=live.owner or self.stack)

    def delete(self, cloud: Cloud) -> None:
        """Delete the connection."""
        cloud.delete(cloud.workspace.connection(self.connection))

    def _write(self, cloud: Cloud, keys: Mapping[str, str], known: Mapping[str, str], *, owner: str) -> None:
        """Write the keys, with the `known` fingerprints and a new one for the token."""
        salted = fingerprint_of(keys[self.key], secrets.token_hex(8))
        metadata = {f"{FINGERPRINT}{key}": value for key, value in {**known, self.key: salted}.items()}
        body = {
            "properties": {
                "category": "CustomKeys",
                "authType": "CustomKeys",
                "target": "_",
                "isSharedToAll": True,
                "credentials": {"keys": dict(keys)},
                "metadata": {OWNER_TAG: f"{owner}@{salted.partition(':')[2][:12]}", **metadata},
            }
        }
        cloud.management.put(cloud.workspace.connection(self.connection), body)


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
        answer = cloud.management.post(cloud.workspace.connection(connection) + "/listsecrets")
    except NotFound:
        return {}
    keys = ((answer.get("properties", {}).get("credentials") or {}).get("keys")) or {}
    return {str(name): str(value) for name, value in keys.items()}


def fingerprint_of(token: str, salt: str) -> str:
    """`SALT:HMAC`, which shows whether two tokens are the same and reveals nothing else."""
    return f"{salt}:{hmac.new(salt.encode(), token.encode(), hashlib.sha256).hexdigest()[:16]}"


def token_hint(*, local: bool) -> str:
    """The hint how to give a token."""
    if local:
        return "run `export HF_TOKEN=$(gatelift emulator token)`"
    return "run `export HF_TOKEN=…` (https://huggingface.co/settings/tokens), or `gatelift token set`"


def _yaml_type(properties: dict[str, Any]) -> str:
    custom = (properties.get("category"), properties.get("authType")) == ("CustomKeys", "CustomKeys")
    return "custom" if custom else f"{properties.get('category')} with {properties.get('authType')}"
