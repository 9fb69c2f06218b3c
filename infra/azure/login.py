"""Who we are: the one home of azure.identity, which only Azure itself needs."""

import logging
import os
import threading
import time
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from infra.errors import AccessDenied
from infra.http_client import Unreachable, Web

NO_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "`--local` needs no Azure"
)
SCOPE = "https://management.azure.com/.default"
EARLY = 300  # a token is renewed this long before it ends


class Credential(Protocol):
    """What the Azure packages ask for a token."""

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """An access token with `token` and `expires_on`."""


class CachingCredential:
    """Azure's own credential, asked once per scope: the SDK's seven clients would each ask again."""

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
        """Drop every token: a service said that one is over before its time."""
        with self._lock:
            self._tokens.clear()
            self._inner = None  # it keeps tokens of its own

    def _fetch(self, scopes: tuple[str, ...], kwargs: dict[str, Any]) -> Any:
        kwargs.pop("enable_cae", None)
        self._inner = self._inner or (EmulatorCredential() if self._local else AzureCredential())
        return self._inner.get_token(*scopes, **kwargs)


class AccessToken(NamedTuple):
    """A token and when it ends, in seconds since 1970: what Azure's packages expect of a credential."""

    token: str
    expires_on: int


class EmulatorCredential:
    """Asks the emulator's identity endpoint, in the words of Azure's own: one plain request, no package."""

    def __init__(self) -> None:
        self._web = Web()

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """A token of the emulator's owner; `AccessDenied` where nobody answers."""
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
    """azure-identity's default: environment, workload or managed identity, `az login`, …"""

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
