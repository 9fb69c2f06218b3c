"""The secrets of key vaults over HTTPS: `{vaultUri}secrets/NAME[/VERSION]`, opened by roles on the vault."""

import json
import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply, headers_of, read_body, respond
from infra.emulator.identity.authorization import Authorization
from infra.emulator.identity.tokens import Principal, TokenIssuer, TokenRejected
from infra.emulator.state.store import Document, Store
from infra.emulator.state.urls import Urls

VAULTS = "/keyvault/"
AUDIENCE = "https://vault.azure.net"
ACTIONS = "Microsoft.KeyVault/vaults/secrets"
ADDRESS = re.compile(r"/keyvault/(?P<vault>[^/]+)/secrets(?:/(?P<name>[^/]+))?(?:/(?P<version>[^/]+))?/?")
SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


def find_vault(store: Store, name: str) -> Document | None:
    """A vault by its name, which is unique across subscriptions."""
    return next((item for item in store.of_type("vaults") if item["name"].lower() == name.lower()), None)


def may(authorization: Authorization, object_id: str, action: str, vault: Document, secret: str = "") -> bool:
    """Whether roles allow a data action on a secret; never in a vault with access policies instead of roles."""
    scope = f"{vault['id']}/secrets/{secret}" if secret else vault["id"]
    by_role = vault["properties"].get("enableRbacAuthorization") is True
    return by_role and authorization.allowed(object_id, f"{ACTIONS}/{action}/action", scope, data=True)


def secret_value(store: Store, vault: Document, name: str, version: str = "") -> str | None:
    """The value of a version, by default the newest; None where there is none."""
    versions = (store.secrets(_id(vault, name)) or {"versions": {}})["versions"]
    entry = versions.get(version.lower()) if version else next(reversed(versions.values()), None)
    return entry["value"] if entry else None


class VaultRoutes:
    """ASGI application of the vaults' data plane."""

    def __init__(self, store: Store, urls: Urls, tokens: TokenIssuer, authorization: Authorization) -> None:
        self._store = store
        self._urls = urls
        self._tokens = tokens
        self._authorization = authorization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        try:
            reply = self._serve(scope, headers, await read_body(receive))
        except ServiceError as error:
            reply = Reply(error.status, {"error": error.error})
        except TokenRejected as rejected:
            authority = f"{self._urls.resource_manager}/{self._tokens.tenant_id}"
            challenge = f'Bearer authorization="{authority}", resource="{AUDIENCE}"'
            body = {"code": "Unauthorized", "message": f"AKV10000: {rejected.reason}"}
            reply = Reply(401, {"error": body}, {"www-authenticate": challenge})
        await respond(send, reply, headers)

    def _serve(self, scope: Scope, headers: dict[str, str], raw: bytes) -> Reply:
        method, match = scope["method"], ADDRESS.fullmatch(scope["path"])
        principal = self._authenticate(headers)
        if not parse_qs(scope["query_string"].decode()).get("api-version"):
            raise ServiceError(400, "BadParameter", "AKV10046: The api-version parameter is missing.")
        kind = None if match is None else (method, bool(match["name"]), bool(match["version"]))
        if match is None or kind not in _KINDS:
            what = f"{method} {scope['path']}"
            raise ServiceError(501, "NotImplemented", f"The emulator does not know the operation '{what}' of a vault.")
        vault = find_vault(self._store, match["vault"])
        if vault is None:
            raise ServiceError(404, "VaultNotFound", f"There is no key vault '{match['vault']}'.")
        name, version = match["name"] or "", match["version"] or ""
        action = _KINDS[kind]
        if not may(self._authorization, principal.object_id, action, vault, name):
            raise _forbidden(principal, action, vault, name)
        if action == "setSecret":
            return self._set(vault, name, raw)
        if action == "getSecret":
            return self._get(vault, name, version)
        if action == "delete":
            return self._delete(vault, name)
        return Reply(body={"value": [self._bundle(vault, item["name"]) for item in self._all(vault)], "nextLink": None})

    def _authenticate(self, headers: dict[str, str]) -> Principal:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRejected("Request is missing a Bearer or PoP token.")
        return self._tokens.verify(token.strip(), (AUDIENCE,))

    def _set(self, vault: Document, name: str, raw: bytes) -> Reply:
        try:
            value = json.loads(raw or b"{}").get("value")
        except (ValueError, AttributeError):
            value = None
        if not SECRET_NAME.fullmatch(name) or not isinstance(value, str):
            raise ServiceError(
                400, "BadParameter", "A secret needs a name of letters, digits and '-', and a text `value`."
            )
        store, id = self._store, _id(vault, name)
        kept = (store.secrets(id) or {"versions": {}})["versions"]
        version, now = uuid.uuid4().hex, int(time.time())
        with store.transaction():
            store.put(id, {"id": id, "name": name, "type": "Microsoft.KeyVault/vaults/secrets", "properties": {}})
            store.put_secrets(id, {"versions": {**kept, version: {"value": value, "created": now}}})
        return self._get(vault, name, version)

    def _get(self, vault: Document, name: str, version: str) -> Reply:
        value = secret_value(self._store, vault, name, version)
        if value is None:
            raise ServiceError(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {name}{f'/{version}' if version else ''} was not found in this key vault. If "
                "you recently deleted this secret you may be able to recover it using the correct recovery command.",
            )
        return Reply(body={"value": value, **self._bundle(vault, name, version)})

    def _delete(self, vault: Document, name: str) -> Reply:
        bundle = self._get(vault, name, "").body
        self._store.delete(_id(vault, name))
        return Reply(body={key: item for key, item in bundle.items() if key != "value"})

    def _all(self, vault: Document) -> list[Document]:
        return self._store.children(vault["id"], "secrets")

    def _bundle(self, vault: Document, name: str, version: str = "") -> dict[str, Any]:
        versions = (self._store.secrets(_id(vault, name)) or {"versions": {}})["versions"]
        shown = version or next(reversed(versions), "")
        created = versions.get(shown.lower(), {}).get("created", 0)
        attributes = {"enabled": True, "created": created, "updated": created, "recoveryLevel": "Purgeable"}
        return {"id": f"{vault['properties']['vaultUri']}secrets/{name}/{shown}", "attributes": attributes, "tags": {}}


_KINDS = {
    ("PUT", True, False): "setSecret",
    ("GET", True, False): "getSecret",
    ("GET", True, True): "getSecret",
    ("DELETE", True, False): "delete",
    ("GET", False, False): "readMetadata",
}


def _id(vault: Document, name: str) -> str:
    return f"{vault['id']}/secrets/{name}"


def _forbidden(principal: Principal, action: str, vault: Document, name: str) -> ServiceError:
    by_role = vault["properties"].get("enableRbacAuthorization") is True
    resource = f"{vault['id'].lower()}/secrets/{name}".rstrip("/")
    said = (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
        "definitions were changed recently, please observe propagation time.\r\nCaller: "
        f"appid={principal.app_id};oid={principal.object_id}\r\nAction: '{ACTIONS}/{action}/action'\r\n"
        f"Resource: '{resource}'\r\nAssignment: (not found)\r\nDecisionReason: 'DeniedWithNoValidRBAC'\r\n"
        f"Vault: {vault['name']};location={vault['location']}"
    )
    if not by_role:
        said = (
            f"The user, group or application 'appid={principal.app_id};oid={principal.object_id}' does not have "
            f"secrets get permission on key vault '{vault['name']};location={vault['location']}'."
        )
    refused = ServiceError(403, "Forbidden", said)
    refused.error["innererror"] = {"code": "ForbiddenByRbac" if by_role else "AccessDenied"}
    return refused
