"""The Entra directory: principals, and the client secrets of applications."""

import hashlib
import hmac
import uuid
from dataclasses import asdict

from infra.emulator.identity.tokens import Principal
from infra.emulator.state.store import Store

OWNER_NAME = "emulator-owner"
# The object id of an unregistered application is derived from its client id, so that tests can predict it.
APPLICATIONS = uuid.UUID("6f0b8a63-3f6e-4a52-9d0a-0c7a5d1f2b44")


class Directory:
    """Principals by object id and by application id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def owner(self) -> Principal:
        """The owner of every subscription, whose tokens the identity endpoint issues by default."""
        kept = self._store.record("directory", "owner")
        if kept:
            return Principal(**kept)
        owner = self.create(OWNER_NAME)
        self._store.put_record("directory", "owner", asdict(owner))
        return owner

    def create(self, name: str, *, object_id: str = "", app_id: str = "", kind: str = "ServicePrincipal") -> Principal:
        """Register a principal; ids that are not given are generated."""
        principal = Principal(object_id or str(uuid.uuid4()), app_id or str(uuid.uuid4()), name, kind)
        with self._store.transaction():
            self._store.put_record("principal", principal.object_id.lower(), asdict(principal))
            self._store.put_record("application", principal.app_id.lower(), {"object_id": principal.object_id})
        return principal

    def get(self, object_id: str) -> Principal | None:
        """The principal of this object id."""
        kept = self._store.record("principal", object_id.lower())
        return Principal(**kept) if kept else None

    def by_application(self, app_id: str) -> Principal | None:
        """The principal of this application (client) id."""
        kept = self._store.record("application", app_id.lower())
        return self.get(kept["object_id"]) if kept else None

    def remove(self, object_id: str) -> None:
        """Remove a principal, if there is one."""
        principal = self.get(object_id)
        if principal:
            with self._store.transaction():
                self._store.delete_record("principal", object_id.lower())
                self._store.delete_record("application", principal.app_id.lower())

    def set_client_secret(self, app_id: str, secret: str) -> None:
        """Set the only secret with which this application can sign in."""
        self._store.put_record("client-secret", app_id.lower(), {"sha256": _digest(secret)})

    def sign_in(self, app_id: str, secret: str) -> Principal | None:
        """The application's principal, None for a wrong secret; without a registered secret any is accepted."""
        known = self._store.record("client-secret", app_id.lower())
        if known and not hmac.compare_digest(known["sha256"], _digest(secret)):
            return None
        return self.by_application(app_id) or self.create(
            f"app-{app_id}", object_id=str(uuid.uuid5(APPLICATIONS, app_id.lower())), app_id=app_id
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
