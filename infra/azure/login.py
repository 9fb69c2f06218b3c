"""How gatelift logs in to Azure or to the emulator; the only importer of azure.identity."""

import logging
import os
import threading
import time
from typing import Any, Protocol
from urllib.parse import urlencode

from msgspec import Struct

from infra.errors import AccessDenied
from infra.http_client import Unreachable, Web

NO_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "`--local` needs no Azure"
)
SCOPE = "https://management.azure.com/.default"
EARLY = 300  # seconds before it expires that a token is renewed


class Credential(Protocol):
    """What Azure's packages call to get a token."""

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """An access token with `token` and `expires_on`."""


class CachingCredential:
    """Keeps one token per scope for all clients; the SDK's seven clients would each fetch their own."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._lock = threading.Lock()
        self._inner: Credential | None = None
        self._tokens: dict[tuple[str, ...], Any] = {}

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """The cached token of these scopes, or a new one; `AccessDenied` says how to log in."""
        with self._lock:
            found = self._tokens.get(scopes)
            if found is None or kwargs.get("claims") or found.expires_on - EARLY < time.time():
                found = self._tokens[scopes] = self._fetch(scopes, kwargs)
            return found

    def forget(self) -> None:
        """Drop every token, after a service has refused one that had not expired."""
        with self._lock:
            self._tokens.clear()
            self._inner = None  # it has a cache of its own

    def _fetch(self, scopes: tuple[str, ...], kwargs: dict[str, Any]) -> Any:
        kwargs.pop("enable_cae", None)
        self._inner = self._inner or (EmulatorCredential() if self._local else AzureCredential())
        return self._inner.get_token(*scopes, **kwargs)


class AccessToken(Struct, frozen=True):
    """A token and when it expires, in seconds since 1970, with the names that Azure's packages read."""

    token: str
    expires_on: int


class EmulatorCredential:
    """Asks the emulator's identity endpoint, as on a managed identity in Azure, without azure.identity."""

    def __init__(self) -> None:
        self._web = Web()

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """A token of the emulator's owner; `AccessDenied` if the endpoint gives none."""
        query = urlencode({"api-version": "2019-08-01", "resource": scopes[0].removesuffix("/.default")})
        headers = {"X-IDENTITY-HEADER": os.environ.get("IDENTITY_HEADER", "")}
        try:
            answer = self._web.read(f"{os.environ.get('IDENTITY_ENDPOINT', '')}?{query}", headers=headers)
        except Unreachable as error:
            raise _no_emulator_token(str(error)) from None
        if answer.status != 200:
            raise _no_emulator_token(f"it answered {answer.status}: {answer.text()[:200]}")
        body = answer.json()
        return AccessToken(str(body["access_token"]), int(body["expires_on"]))


class AzureCredential:
    """azure-identity's default chain: environment variables, workload or managed identity, `az login`, …"""

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential  # 0.3 s

        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._inner = DefaultAzureCredential()

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """A token of whoever is logged in; `AccessDenied` says how to log in."""
        from azure.core.exceptions import AzureError

        try:
            return self._inner.get_token(*scopes, **kwargs)
        except AzureError:
            raise AccessDenied("not logged in to Azure", hint=NO_LOGIN, code="no_login") from None


def _no_emulator_token(why: str) -> AccessDenied:
    message = f"the emulator's identity endpoint gave no token: {why}"
    return AccessDenied(message, hint="`gatelift emulator stop`, then try again", code="no_login")
