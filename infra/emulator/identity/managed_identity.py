"""The managed identity endpoint over plain HTTP, as App Service and Azure ML containers have it.

`GET /msi/token?api-version=2019-08-01&resource=…[&client_id=…]`, with any `X-IDENTITY-HEADER`. A request
that names no identity gets a token of the owner or, with a header from `identity_header`, of the identity in it.
"""

import hashlib
import hmac
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from infra.emulator.gateway.messages import Reply, headers_of, respond
from infra.emulator.identity.directory import Directory
from infra.emulator.identity.tokens import Principal, TokenIssuer
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store


class IdentityError(Exception):
    """An error answer of the identity endpoint."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ManagedIdentityRoutes:
    """ASGI application of the identity endpoint."""

    def __init__(self, store: Store, settings: Settings, tokens: TokenIssuer, directory: Directory) -> None:
        self._store = store
        self._settings = settings
        self._tokens = tokens
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        query = {name.lower(): value for name, value in parse_qsl(scope["query_string"].decode())}
        try:
            reply = self._serve(headers, query)
        except IdentityError as error:
            reply = Reply(400, {"statusCode": 400, "message": error.message, "error": "invalid_request"})
        await respond(send, reply, headers)

    def _serve(self, headers: dict[str, str], query: dict[str, str]) -> Reply:
        if not query.get("api-version"):
            raise IdentityError("The api-version query parameter is required.")
        audience = query.get("resource", "").removesuffix("/.default")
        if not audience:
            raise IdentityError("The resource query parameter is required.")
        if "x-identity-header" not in headers and headers.get("metadata", "").lower() != "true":
            return Reply(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER header is missing."})
        principal = self._identity(headers.get("x-identity-header", ""), query)
        lifetime = int(self._settings["token_lifetime_seconds"])
        body = {
            "access_token": self._tokens.issue(principal, audience),
            "expires_on": str(int(self._settings.now()) + lifetime),
            "resource": audience,
            "token_type": "Bearer",
            "client_id": principal.app_id,
        }
        return Reply(body=body)

    def _identity(self, header: str, query: dict[str, str]) -> Principal:
        principal: Principal | None = None
        if client_id := query.get("client_id") or query.get("clientid"):
            principal = self._directory.by_application(client_id)
        elif object_id := query.get("principal_id") or query.get("object_id"):
            principal = self._directory.get(object_id)
        elif resource_id := query.get("mi_res_id") or query.get("msi_res_id"):
            document = self._store.get(resource_id)
            principal = self._directory.get(document["properties"]["principalId"]) if document else None
        elif named := object_id_in_header(self._store, header):
            principal = self._directory.get(named)
        else:
            return self._directory.owner()
        if principal is None:
            raise IdentityError(
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
            )
        return principal


def identity_header(store: Store, object_id: str) -> str:
    """The IDENTITY_HEADER of a container: with it, the endpoint issues tokens of this identity."""
    return f"{object_id}.{_seal(store, object_id)}"


def object_id_in_header(store: Store, header: str) -> str | None:
    """The object id in a header that this emulator made, None for any other header."""
    object_id, _, seal = header.partition(".")
    return object_id if seal and hmac.compare_digest(seal, _seal(store, object_id)) else None


def _seal(store: Store, object_id: str) -> str:
    key: str = (store.record("sas-key", "current") or {"key": ""})["key"]
    return hmac.digest(key.encode(), f"identity:{object_id}".encode(), hashlib.sha256).hex()
