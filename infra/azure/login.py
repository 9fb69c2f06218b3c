"""How gatelift logs in to Azure or to the emulator; the only importer of azure.identity."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from msgspec import Struct

from infra.azure.assertions import GITHUB_TOKEN, GITHUB_URL, from_file, from_github
from infra.azure.azure_clouds import AzureCloud
from infra.azure.sign_in import how_to_log_in, refused, set_up_wrongly, who
from infra.errors import AccessDenied, NotReady
from infra.http_client import Unreachable, Web

PIPELINES = (
    "AZURESUBSCRIPTION_CLIENT_ID",
    "AZURESUBSCRIPTION_TENANT_ID",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "SYSTEM_ACCESSTOKEN",
    "SYSTEM_OIDCREQUESTURI",
)
UNKNOWN_TENANT = "Unable to get authority configuration"
EARLY = 300  # seconds before it expires that a token is renewed


class Credential(Protocol):
    """What Azure's packages call to get a token."""

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """An access token with `token` and `expires_on`."""


class CachingCredential:
    """Keeps one token per scope for all clients; each of them would fetch its own.

    `cloud` is the cloud to log in to, None for the emulator.
    """

    def __init__(self, cloud: AzureCloud | None, environ: Mapping[str, str] | None = None) -> None:
        self._cloud = cloud
        self._environ = os.environ if environ is None else environ
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

    @property
    def source(self) -> str:
        """Which login the last new token came from; empty before the first."""
        return str(getattr(self._inner, "source", ""))

    def _fetch(self, scopes: tuple[str, ...], kwargs: dict[str, Any]) -> Any:
        kwargs.pop("enable_cae", None)
        if self._inner is None:
            self._inner = AzureCredential(self._cloud, self._environ) if self._cloud else EmulatorCredential()
        return self._inner.get_token(*scopes, **kwargs)


def describe_login(credential: Credential, scope: str) -> str:
    """Who is logged in, and by which login; raises what `get_token` raises."""
    name = who(str(credential.get_token(scope).token))
    source = getattr(credential, "source", "") or "a credential"
    return f"by {source}{f', as {name}' if name else ''}"


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
    """The login that the environment offers: a CI service's, Kubernetes', or azure-identity's default chain."""

    def __init__(self, cloud: AzureCloud, environ: Mapping[str, str]) -> None:
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._cloud, self._environ = cloud, environ
        try:
            self.source, self._inner = _choose(cloud, environ)
        except (ValueError, OSError) as error:
            raise set_up_wrongly("environment variables", error) from None

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """A token of whoever is logged in; `AccessDenied` says why there is none, and how to log in."""
        from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

        try:
            return self._inner.get_token(*scopes, **kwargs)
        except (ServiceRequestError, ServiceResponseError) as error:
            message = f"no answer from {self._cloud.authority}: {str(error.message).splitlines()[0]}"
            raise NotReady(message, hint="check the network and the cloud", code="no_connection") from None
        except AzureError as error:
            text = self._completed(str(error.message))
            raise refused(self.source, text, how_to_log_in(self._environ)) from None
        except (ValueError, OSError) as error:
            raise set_up_wrongly(self.source, error) from None

    def _completed(self, text: str) -> str:
        """The text of a failed login, with what Entra says about an unknown tenant, which msal keeps to itself."""
        if UNKNOWN_TENANT not in text:
            return text
        tenant = os.environ.get("AZURE_TENANT_ID", "")
        try:
            answer = Web().read(f"{self._cloud.authority}/{quote(tenant)}/v2.0/.well-known/openid-configuration")
            return str(answer.json().get("error_description") or text)
        except (Unreachable, ValueError, AttributeError):
            return text


def _choose(cloud: AzureCloud, environ: Mapping[str, str]) -> tuple[str, Any]:
    """The name of a login and its credential: the first of which all variables are set."""
    from azure.identity import AzurePipelinesCredential, ClientAssertionCredential, DefaultAzureCredential  # 0.3 s

    where = {"authority": environ.get("AZURE_AUTHORITY_HOST") or cloud.authority}
    client, tenant = environ.get("AZURE_CLIENT_ID", ""), environ.get("AZURE_TENANT_ID", "")
    secret = environ.get("AZURE_CLIENT_SECRET") or environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if client and tenant and not secret:
        if environ.get(GITHUB_URL) and environ.get(GITHUB_TOKEN):
            ask = partial(from_github, environ, cloud.token_exchange)
            return "GitHub Actions", ClientAssertionCredential(tenant, client, ask, **where)
        if file := environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            # WorkloadIdentityCredential would read the file once in ten minutes.
            return "workload identity", ClientAssertionCredential(tenant, client, partial(from_file, file), **where)
    if all(environ.get(name) for name in PIPELINES):
        client, tenant, connection, token = (environ[name] for name in PIPELINES[:4])
        credential = AzurePipelinesCredential(
            client_id=client, tenant_id=tenant, service_connection_id=connection, system_access_token=token, **where
        )
        return "Azure Pipelines", credential
    return "the default chain", DefaultAzureCredential(**where, disable_instance_discovery=not cloud.known)


def _no_emulator_token(why: str) -> AccessDenied:
    message = f"the emulator's identity endpoint gave no token: {why}"
    return AccessDenied(message, hint="`gatelift emulator stop`, then try again", code="no_login")
