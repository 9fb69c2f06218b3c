"""The workspace connection that holds the Hub token: CustomKeys, written over ARM since azure-ai-ml cannot."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound
from infra.resources.base import OWNER_TAG, Live, Resource, State, owner_of

FINGERPRINT = "gatelift_fingerprint_"  # in the metadata, followed by the key whose token it stands for
UNSEEN = "(a token)"


@dataclass(frozen=True)
class Connection(Resource):
    """A connection with our key in it; the plan sees a salted fingerprint, never the token."""

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
        """Custom keys; the token as a new fingerprint."""
        return {"name": self.connection, "type": "custom", "credentials": {self.key: UNSEEN}}

    def settle(self, live: Live) -> State:
        """A connection that others made serves as it is; ours is compared by its fingerprint."""
        if not live.owner:
            return {}
        shown = live.state["credentials"].get(self.key, UNSEEN)
        if self.token is not None and shown != UNSEEN:
            shown = fingerprint_of(self.token, shown.partition(":")[0])
        return {"name": self.connection, "type": "custom", "credentials": {self.key: shown}}

    def read(self, cloud: Cloud) -> Live | None:
        """The connection without its secret."""
        document = cloud.management.get(cloud.workspace.connection(self.connection))
        if document is None:
            return None
        properties = document.get("properties", {})
        state: State = {"name": document["name"], "type": _yaml_type(properties)}
        state["credentials"] = fingerprints(document)
        return Live(state, owner_of(properties.get("metadata")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the connection with the token."""
        if self.token is None:
            raise AccessDenied(f"the connection {self.connection} needs a token", hint=token_hint(local=cloud.local))
        self._write(cloud, {self.key: self.token}, {}, owner=self.stack)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write it again with the keys that it has, as far as they may be read; whoever made it stays its owner."""
        try:
            keys = stored_keys(cloud, self.connection)
        except AccessDenied:
            keys = {}
        token = self.token or usable(live, keys, self.key)
        if token is None:
            message = f"the connection {self.connection} needs a token under {self.key}"
            raise AccessDenied(message, hint=token_hint(local=cloud.local))
        noted = {key: mark for key, mark in fingerprints(live.document).items() if key in keys}
        self._write(cloud, {**keys, self.key: token}, noted, owner=live.owner or self.stack)

    def delete(self, cloud: Cloud) -> None:
        """Take the connection away."""
        cloud.delete(cloud.workspace.connection(self.connection))

    def _write(self, cloud: Cloud, keys: Mapping[str, str], noted: Mapping[str, str], *, owner: str) -> None:
        salted = fingerprint_of(keys[self.key], secrets.token_hex(8))
        marks = {f"{FINGERPRINT}{key}": mark for key, mark in {**noted, self.key: salted}.items()}
        body = {
            "properties": {
                "category": "CustomKeys",
                "authType": "CustomKeys",
                "target": "_",
                "isSharedToAll": True,
                "credentials": {"keys": dict(keys)},
                "metadata": {OWNER_TAG: f"{owner}@{salted.partition(':')[2][:12]}", **marks},
            }
        }
        cloud.management.put(cloud.workspace.connection(self.connection), body)


def fingerprints(document: Mapping[str, Any]) -> dict[str, str]:
    """What the connection's metadata say of the token under each key."""
    metadata = document.get("properties", {}).get("metadata") or {}
    return {k.removeprefix(FINGERPRINT): mark for k, mark in metadata.items() if k.startswith(FINGERPRINT)}


def usable(live: Live, keys: Mapping[str, str], key: str) -> str | None:
    """The token under a key; in a connection of ours also the one under the key that the spec named before."""
    before = fingerprints(live.document) if live.owner else {}
    return next((keys[name] for name in (key, *before) if keys.get(name)), None)


def stored_keys(cloud: Cloud, connection: str) -> dict[str, str]:
    """The secrets in the connection by their keys, if the caller may read them; none where it is not there."""
    try:
        found = cloud.management.post(cloud.workspace.connection(connection) + "/listsecrets")
    except NotFound:
        return {}
    keys = ((found.get("properties", {}).get("credentials") or {}).get("keys")) or {}
    return {str(name): str(value) for name, value in keys.items()}


def fingerprint_of(token: str, salt: str) -> str:
    """`SALT:HMAC`, which tells whether two tokens are the same and nothing else."""
    return f"{salt}:{hmac.new(salt.encode(), token.encode(), hashlib.sha256).hexdigest()[:16]}"


def token_hint(*, local: bool) -> str:
    """How to give a token."""
    if local:
        return "`export HF_TOKEN=$(gatelift emulator token)`"
    return "`export HF_TOKEN=…` (https://huggingface.co/settings/tokens), or `gatelift token set`"


def _yaml_type(properties: dict[str, Any]) -> str:
    custom = (properties.get("category"), properties.get("authType")) == ("CustomKeys", "CustomKeys")
    return "custom" if custom else f"{properties.get('category')} with {properties.get('authType')}"
