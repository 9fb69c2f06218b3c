"""The workspace connection that holds the Hub token: CustomKeys, written over ARM since azure-ai-ml cannot."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any, ClassVar

from infra.cloud import Cloud
from infra.errors import AccessDenied, GateliftError
from infra.resources.base import OWNER_TAG, Live, Resource, State, owner_of

FINGERPRINT = "gatelift_fingerprint"


@dataclass(frozen=True)
class Connection(Resource):
    """A connection with one secret key; the plan sees a salted fingerprint, never the token."""

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
        return {"name": self.connection, "type": "custom", "credentials": {self.key: "(a token)"}}

    def settle(self, live: Live) -> State:
        """A connection that others made serves as it is; ours is compared by its fingerprint."""
        if not live.owner:
            return {}
        if self.token is None:
            return {"name": self.connection, "type": "custom", "credentials": dict(live.state.get("credentials", {}))}
        salt = str(live.document.get("properties", {}).get("metadata", {}).get(FINGERPRINT, "")).partition(":")[0]
        shown = fingerprint_of(self.token, salt) if salt else "(a token)"
        return {"name": self.connection, "type": "custom", "credentials": {self.key: shown}}

    def read(self, cloud: Cloud) -> Live | None:
        """The connection without its secret."""
        document = cloud.management.get(cloud.workspace.connection(self.connection))
        if document is None:
            return None
        properties = document.get("properties", {})
        metadata = properties.get("metadata") or {}
        state: State = {"name": document["name"], "type": _yaml_type(properties)}
        if FINGERPRINT in metadata:
            state["credentials"] = {self.key: metadata[FINGERPRINT]}
        return Live(state, owner_of(metadata), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the connection with the token."""
        self._write(cloud, owner=self.stack)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write it again; whoever made it stays its owner."""
        self._write(cloud, owner=live.owner or self.stack)

    def delete(self, cloud: Cloud) -> None:
        """Take the connection away."""
        cloud.delete(cloud.workspace.connection(self.connection))

    def _write(self, cloud: Cloud, *, owner: str) -> None:
        if self.token is None:
            raise AccessDenied(f"the connection {self.connection} needs a token", hint=token_hint(local=cloud.local))
        salted = fingerprint_of(self.token, secrets.token_hex(8))
        body = {
            "properties": {
                "category": "CustomKeys",
                "authType": "CustomKeys",
                "target": "_",
                "isSharedToAll": True,
                "credentials": {"keys": {self.key: self.token}},
                "metadata": {OWNER_TAG: f"{owner}@{salted.partition(':')[2][:12]}", FINGERPRINT: salted},
            }
        }
        cloud.management.put(cloud.workspace.connection(self.connection), body)


def stored_token(cloud: Cloud, connection: str, key: str) -> str | None:
    """The token in the connection, if the caller may read it; None where it is not there."""
    try:
        found = cloud.management.post(cloud.workspace.connection(connection) + "/listsecrets")
    except AccessDenied:
        raise
    except GateliftError:
        return None
    keys = ((found.get("properties", {}).get("credentials") or {}).get("keys")) or {}
    value = keys.get(key)
    return str(value) if value else None


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
