"""Who we are: the one home of azure.identity."""

import logging
import threading
import time
from typing import Any, Protocol

from infra.errors import AccessDenied

NO_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "`--local` needs no Azure"
)
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
        from azure.core.exceptions import AzureError

        kwargs.pop("enable_cae", None)
        try:
            self._inner = self._inner or _open(local=self._local)
            return self._inner.get_token(*scopes, **kwargs)
        except AzureError as error:
            if self._local:
                message = f"the emulator's identity endpoint gave no token: {_first_line(error)}"
                raise AccessDenied(message, hint="`gatelift emulator stop`, then try again", code="no_login") from None
            raise AccessDenied("not logged in to Azure", hint=NO_LOGIN, code="no_login") from None


def _open(*, local: bool) -> Credential:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
    return ManagedIdentityCredential() if local else DefaultAzureCredential()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
