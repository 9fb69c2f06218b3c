"""Shared access signatures (SAS): query strings that open one container."""

import base64
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

from infra.emulator.state.store import Store

SAS_VERSION = "2024-11-04"
READ_WRITE = "racwdl"


class SharedAccess:
    """Issues and checks signatures; the key is in the store."""

    def __init__(self, store: Store) -> None:
        self._key = base64.b64decode(_kept_key(store))

    @property
    def secret(self) -> bytes:
        """What the keys of user delegation are derived from."""
        return hmac.digest(self._key, b"user delegation", "sha256")

    def sas(self, container: str, *, permissions: str = READ_WRITE, lifetime: timedelta = timedelta(hours=1)) -> str:
        """A signature for a whole container, as a query string."""
        expiry = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {"sv": SAS_VERSION, "sr": "c", "sp": permissions, "se": expiry, "spr": "https"}
        return urlencode(fields | {"sig": self._signature(container, fields)})

    def permissions(self, container: str, query: str) -> str | None:
        """The permissions of the signature in a query; None where it is forged, expired or of another container."""
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        signed = {name: fields.get(name, "") for name in ("sv", "sr", "sp", "se", "spr")}
        if not hmac.compare_digest(self._signature(container, signed), fields.get("sig", "")):
            return None
        return signed["sp"] if datetime.fromisoformat(signed["se"]) > datetime.now(UTC) else None

    def _signature(self, container: str, fields: dict[str, str]) -> str:
        text = "\n".join([container, *(f"{name}={fields[name]}" for name in sorted(fields))])
        return base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()


def _kept_key(store: Store) -> str:
    kept = store.record("sas-key", "current")
    if kept is None:
        kept = {"key": base64.b64encode(secrets.token_bytes(64)).decode()}
        store.put_record("sas-key", "current", kept)
    return str(kept["key"])
