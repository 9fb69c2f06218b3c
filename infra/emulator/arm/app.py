"""Resource Manager over HTTP: authenticates, authorizes and checks a request, then calls its handler."""

import logging
import re
from urllib.parse import parse_qsl, quote, unquote

from starlette.types import Receive, Scope, Send

from infra.emulator.arm.call import ML, Address, Call, Handler, forbidden, subscription_of
from infra.emulator.arm.request.body import check_envelope, parse_body
from infra.emulator.arm.request.paging import page
from infra.emulator.arm.request.throttling import Throttle
from infra.emulator.arm.request.validation import checked
from infra.emulator.arm.request.versions import ML_TYPES, VERSIONS
from infra.emulator.errors import ServiceError, Throttled
from infra.emulator.gateway.messages import Reply, headers_of, read_body, respond
from infra.emulator.identity.tokens import Principal, TokenRejected
from infra.emulator.world import World

logger = logging.getLogger("gatelift.emulator")
VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
# These handlers check permissions themselves: their resources are not those in the path.
CHECKED_BY_HANDLER = frozenset(
    {"subscriptions", "permissions", "locations/{}/mfeoperationsstatus/{}", "locations/{}/mfeoperationresults/{}"}
)
REGISTRY_PREFIX = "/mferp/managementfrontend"
# What Resource Manager itself answers before it calls a provider.
PARENT_MISSING = (
    "Failed to perform '{verb}' on resource(s) of type '{type}', because the parent resource '{parent}' could not be "
    "found."
)


class ArmApp:
    """ASGI application of Azure Resource Manager and its providers."""

    def __init__(self, world: World, routes: dict[str, dict[tuple[str, str], Handler]]) -> None:
        self._world = world
        # namespace (lower case) -> (method, pattern in lower case) -> (handler, pattern as it is written)
        self._routes = {
            namespace.lower(): {
                (method, pattern.lower()): (handler, pattern) for (method, pattern), handler in table.items()
            }
            for namespace, table in routes.items()
        }
        self._throttle = Throttle(world.settings)
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        headers = headers_of(scope)
        remaining: dict[str, str] = {}
        try:
            reply = self._serve(scope, headers, await read_body(receive), remaining)
        except ServiceError as error:
            reply = Reply(
                error.status, {"error": error.error}, {"x-ms-error-code": error.error["code"], **error.headers}
            )
        except TokenRejected as rejected:
            reply = self._challenge(rejected)
        except Exception as error:  # a bug of the emulator; the client gets what a bug of Azure would give it
            logger.exception("%s %s", scope["method"], scope["path"])
            message = f"Internal error of the emulator. {type(error).__name__}: {error}"
            reply = Reply(500, {"error": {"code": "InternalServerError", "message": message}})
        reply = Reply(reply.status, reply.body, {**remaining, **reply.headers})
        await respond(send, reply, headers, head=scope["method"] == "HEAD")

    def _serve(self, scope: Scope, headers: dict[str, str], raw: bytes, remaining: dict[str, str]) -> Reply:
        method = scope["method"]
        path = unquote(scope["raw_path"].decode().partition("?")[0]) if scope.get("raw_path") else scope["path"]
        path = re.sub("/{2,}", "/", path)
        if path.lower().startswith(REGISTRY_PREFIX):
            path = path[len(REGISTRY_PREFIX) :]
        principal = self._authenticate(headers)
        counted, wait = self._throttle.count(method, subscription_of(path), principal.object_id)
        remaining.update(counted)
        if wait:
            raise Throttled(wait)
        query = {name.lower(): value for name, value in parse_qsl(scope["query_string"].decode(), True)}
        address = parse(path)
        self._check_version(address, query.get("api-version"))
        handler, pattern = self._find(method, address)
        action = _action(method, address, pattern)
        if address.pattern not in CHECKED_BY_HANDLER and not self._world.authorization.allowed(
            principal.object_id, action, address.resource_id
        ):
            raise forbidden(principal, action, address.resource_id)
        self._check_parents(method, address)
        body = parse_body(raw, headers.get("content-type", ""))
        if address.namespace.lower() == ML.lower():
            body = checked(method, address.pattern, query["api-version"], body)
        check_envelope(body)
        reply = handler(Call(self._world, method, address, query, body, headers, principal, path))
        if method == "GET" and isinstance(reply.body, dict) and isinstance(reply.body.get("value"), list):
            url = self._world.urls.resource_manager + quote(scope["path"])
            largest = max(1, int(self._world.settings["list_page_size"]))
            return Reply(reply.status, page(reply.body, address.pattern, url, query, largest), reply.headers)
        return reply

    def _authenticate(self, headers: dict[str, str]) -> Principal:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not scheme:
            raise TokenRejected("Authentication failed. The 'Authorization' header is missing.", "AuthenticationFailed")
        if scheme.lower() != "bearer" or not token:
            raise TokenRejected(
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
                "AuthenticationFailedInvalidHeader",
            )
        return self._world.tokens.verify(token.strip(), self._world.arm_audiences())

    def _challenge(self, rejected: TokenRejected) -> Reply:
        authority = f"{self._world.urls.resource_manager}/{self._world.tokens.tenant_id}"
        challenge = (
            f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{rejected.reason}"'
        )
        body = {"error": {"code": rejected.code, "message": rejected.reason}}
        return Reply(401, body, {"www-authenticate": challenge, "x-ms-failure-cause": "gateway"})

    def _check_version(self, address: Address, version: str | None) -> None:
        namespace = address.namespace.lower()
        if namespace not in VERSIONS:
            if namespace in ("microsoft.insights", "microsoft.resources", "microsoft.storage"):
                raise _unknown(f"provider {address.namespace}")
            raise ServiceError(
                404, "InvalidResourceNamespace", f"The resource namespace '{address.namespace}' is invalid."
            )
        if not version:
            raise ServiceError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        known = VERSIONS[namespace]
        if version.lower() in known:
            return
        listed = ", ".join(sorted(known, reverse=True))
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-[a-zA-Z]+)?", version):
            raise ServiceError(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{version}' is invalid. The supported versions are '{listed}'.",
            )
        type = "/".join(address.types)
        raise ServiceError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '' and API version '{version}' for type '{type}'. "
            f"The supported api-versions are '{listed}'. The supported locations are ''.",
        )

    def _find(self, method: str, address: Address) -> tuple[Handler, str]:
        table = self._routes.get(address.namespace.lower(), {})
        pattern = address.pattern
        if found := table.get((method, pattern)):
            return found
        others = sorted({other for other, known in table if known == pattern})
        if others:
            raise ServiceError(
                405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'."
            )
        unknown = [type for type in address.types if type.lower() not in ML_TYPES]
        action = method == "POST" and len(address.segments) % 2 == 1 and unknown == [address.types[-1]]
        if not action and address.namespace.lower() == ML.lower() and unknown:
            raise ServiceError(
                404,
                "InvalidResourceType",
                f"The resource type '{'/'.join(address.types)}' could not be found in the namespace "
                f"'{address.namespace}'.",
            )
        raise _unknown(f"{method} {address.namespace}/{pattern}")

    def _check_parents(self, method: str, address: Address) -> None:
        """404 unless subscription, resource group and parent resources exist."""
        parts = (address.scope or address.resource_id).split("/")
        store = self._world.store
        if len(parts) > 2 and not store.exists("/".join(parts[:3])) and (len(parts) > 3 or method != "PUT"):
            creates_group = method == "PUT" and not address.namespace
            if not creates_group:
                raise ServiceError(404, "SubscriptionNotFound", f"The subscription '{parts[2]}' could not be found.")
        if address.namespace and len(parts) > 4 and not store.exists("/".join(parts[:5])):
            raise ServiceError(404, "ResourceGroupNotFound", f"Resource group '{parts[4]}' could not be found.")
        if address.namespace.lower() != ML.lower() or address.types[0].lower() not in ("workspaces", "registries"):
            return
        parents = (len(address.segments) - 1) // 2
        for count in range(1, parents + 1):
            if address.types[count - 1].lower() in ("codes", "models", "environments", "tempdatarefs"):
                return  # asset containers are created with their first version
            parent = "/".join([f"{address.scope}/providers/{address.namespace}", *address.segments[: 2 * count]])
            if not store.exists(parent):
                message = PARENT_MISSING.format(
                    verb=VERBS.get(method, "action"), type="/".join(address.types), parent=parent
                )
                raise ServiceError(404, "ParentResourceNotFound", message)


def parse(path: str) -> Address:
    """Split a path at its last provider."""
    path = path.rstrip("/")
    at = path.lower().rfind("/providers/")
    if at < 0:
        return Address("", "", tuple(path.strip("/").split("/")))
    namespace, *segments = path[at + len("/providers/") :].split("/")
    return Address(path[:at], namespace, tuple(segments))


def _action(method: str, address: Address, pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part != "{}"]
    if address.namespace.lower() == ML.lower() and parts[0] == "registries" and len(parts) > 1:
        parts = ["registries", "assets"]  # a registry has one permission for all of its assets
    types = "/".join(parts)
    namespace = {"microsoft.machinelearningservices": ML, "": "Microsoft.Resources"}.get(
        address.namespace.lower(), address.namespace
    )
    return f"{namespace}/{types}/{VERBS.get(method, 'action')}"


def _unknown(operation: str) -> ServiceError:
    return ServiceError(501, "NotImplemented", f"The emulator does not know the operation '{operation}'.")
