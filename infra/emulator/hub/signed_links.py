"""The signed addresses of large files: whoever has one may read that one file without a token until it expires."""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store

PREFIX = "/cdn/"
LIFETIME_SECONDS = 3600
KEYS = "/hub-links"  # where the key is among the secrets


class SignedLinks:
    """Makes and checks the signed addresses of one Hub."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._key = _kept_key(store)
        self._settings = settings

    def to(self, repo: str, commit: str, path: str) -> str:
        """The address of a file at a commit, without the Hub's own address in front."""
        place = f"{PREFIX}{repo}/{commit}/{path}"
        expires = str(int(self._settings.now()) + LIFETIME_SECONDS)
        query = {"Expires": expires, "Signature": self._signature(place, expires), "Key-Pair-Id": "gatelift"}
        return f"{quote(place)}?{urlencode(query)}"

    def fault(self, place: str, query: Mapping[str, str]) -> str:
        """Why a signature does not open the file at a decoded path; empty where it does."""
        expires, signature = query.get("Expires", ""), query.get("Signature", "")
        if not hmac.compare_digest(self._signature(place, expires).encode(), signature.encode()):
            return "Access denied"
        return "" if int(expires) > self._settings.now() else "Request has expired"

    def _signature(self, place: str, expires: str) -> str:
        return hmac.digest(self._key, f"{expires}\n{place}".encode(), "sha256").hex()


def _kept_key(store: Store) -> bytes:
    kept = store.secrets(KEYS)
    if kept is None:
        kept = {"key": secrets.token_hex(32)}
        store.put_secrets(KEYS, kept)
    return bytes.fromhex(kept["key"])
