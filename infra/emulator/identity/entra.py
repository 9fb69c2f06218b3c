"""Microsoft Entra ID over HTTPS: discovery and the token endpoint for applications."""

import base64
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.types import Receive, Scope, Send

from infra.emulator.gateway.messages import Reply, headers_of, read_body, respond
from infra.emulator.identity.directory import Directory
from infra.emulator.identity.federation import Federation
from infra.emulator.identity.sign_in import SignInError
from infra.emulator.identity.tokens import Principal
from infra.emulator.state.settings import Settings
from infra.emulator.state.urls import Urls

DOMAIN = "gatelift.onmicrosoft.com"
ANY_TENANT = ("common", "organizations")


class EntraRoutes:
    """ASGI application of the authority: paths `/{tenant}/…` and `/common/discovery/instance`."""

    def __init__(self, urls: Urls, settings: Settings, directory: Directory, federation: Federation) -> None:
        self._urls = urls
        self._settings = settings
        self._tokens = federation.tokens
        self._directory = directory
        self._federation = federation

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path belongs to the authority."""
        return path.endswith(
            ("/.well-known/openid-configuration", "/oauth2/v2.0/token", "/oauth2/token", "/discovery/v2.0/keys")
        ) or path.startswith("/common/discovery/instance")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        try:
            reply = Reply(body=self._serve(scope["method"], scope["path"], headers, await read_body(receive)))
        except SignInError as error:
            reply = Reply(error.status, error.body)
        await respond(send, reply, headers)

    def _serve(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> Any:
        tenant = path.strip("/").split("/")[0]
        authority = f"{self._urls.resource_manager}/{tenant}"
        if path.startswith("/common/discovery/instance"):
            host = authority.split("/")[2]
            known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
            endpoint = f"{authority}/v2.0/.well-known/openid-configuration"
            return {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [known]}
        self._check_tenant(tenant)
        if path.endswith("openid-configuration"):
            return {
                "issuer": f"{self._urls.resource_manager}/{tenant}/v2.0",
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{authority}/discovery/v2.0/keys",
                "response_types_supported": ["token"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "tenant_region_scope": "NA",
            }
        if path.endswith("/keys"):
            return self._tokens.key_set()
        if method != "POST":
            raise SignInError("invalid_request", 900561, "The endpoint only accepts POST requests.", 405)
        if tenant.lower() in ANY_TENANT:
            raise SignInError(
                "invalid_request",
                50059,
                "No tenant-identifying information found in either the request or implied by any provided credentials.",
            )
        return self._token(headers, {name: values[0] for name, values in parse_qs(raw.decode()).items()})

    def _check_tenant(self, tenant: str) -> None:
        """The emulator has one tenant, by its id or its domain."""
        if tenant.lower() in (self._tokens.tenant_id, DOMAIN, *ANY_TENANT):
            return
        if "." not in tenant and not _is_guid(tenant):
            raise SignInError(
                "invalid_request",
                900023,
                f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
            )
        raise SignInError(
            "invalid_request",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud. Check with your subscription administrator, this may happen if there are no active "
            "subscriptions for the tenant.",
        )

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> dict[str, Any]:
        grant = form.get("grant_type", "")
        if grant != "client_credentials":
            raise SignInError(
                "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'."
            )
        audience = form.get("resource") or form.get("scope", "").removesuffix("/.default")
        if not audience or (form.get("scope") and not form["scope"].endswith("/.default")):
            raise SignInError(
                "invalid_scope",
                1002012,
                f"The provided value for scope {form.get('scope', '')} is not valid. Client credential flows must have "
                "a scope value with /.default suffixed to the resource identifier (application ID URI).",
            )
        client_id, secret = _credentials(headers, form)
        if not client_id:
            raise SignInError(
                "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
            )
        principal = self._signed_in(client_id, secret, form)
        names = ("token_lifetime_seconds", "application_token_lifetime_seconds")
        lifetime = int(min(self._settings[name] for name in names))
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self._tokens.issue(principal, audience, lifetime),
        }

    def _signed_in(self, client_id: str, secret: str, form: dict[str, str]) -> Principal:
        if assertion := form.get("client_assertion"):
            return self._federation.sign_in(client_id, form.get("client_assertion_type", ""), assertion)
        if not secret:
            raise SignInError(
                "invalid_client",
                7000216,
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
                401,
            )
        principal = self._directory.sign_in(client_id, secret)
        if principal is None:
            raise SignInError(
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client_id}'.",
                401,
            )
        return principal


def _credentials(headers: dict[str, str], form: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            raise SignInError("invalid_client", 9002313, "Invalid request. Request is malformed.", 401) from None
        return unquote(client_id), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
