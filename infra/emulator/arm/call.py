"""A request to Resource Manager as its handlers see it, and the parts that their answers share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.identity.tokens import Principal
from infra.emulator.state.store import Document
from infra.emulator.world import World

ML = "Microsoft.MachineLearningServices"
INVALID = "The request is invalid."


@dataclass(frozen=True)
class Address:
    """The path of a request: `/scope…/providers/NAMESPACE/type/name/type/name[/collection or action]`."""

    scope: str
    namespace: str
    segments: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """The segments with `{}` for every name, lower case."""
        return "/".join("{}" if index % 2 else part.lower() for index, part in enumerate(self.segments))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parents and of the resource itself."""
        return self.segments[1::2]

    @property
    def resource_id(self) -> str:
        """The id without a collection or an action at its end."""
        even = self.segments[: len(self.segments) // 2 * 2]
        if not self.namespace:
            return "/" + "/".join(even)
        return "/".join([f"{self.scope}/providers/{self.namespace}", *even])

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the parents and of the resource, and an action or collection at the end."""
        return self.segments[::2]

    def parent_id(self, levels: int = 1) -> str:
        """The id of the parent, or of a resource further up."""
        return self.resource_id.rsplit("/", 2 * levels)[0]


@dataclass
class Call:
    """An authenticated, authorized request."""

    world: World
    method: str
    address: Address
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    principal: Principal
    path: str

    @property
    def id(self) -> str:
        """The id of the resource."""
        return self.address.resource_id

    @property
    def name(self) -> str:
        """The name of the resource."""
        return self.address.names[-1]

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        return subscription_of(self.address.scope or self.id)

    @property
    def workspace_id(self) -> str:
        """The id of the workspace or registry of the resource."""
        return "/".join([f"{self.address.scope}/providers/{self.address.namespace}", *self.address.segments[:2]])

    def resource(self, id: str = "") -> Document:
        """The document of this (or another) resource, 404 where there is none."""
        document = self.world.store.get(id or self.id)
        if document is None:
            raise not_found(id or self.id)
        return document

    def object_body(self) -> Document:
        """The body as an object, 400 for anything else."""
        if not isinstance(self.body, dict):
            raise ServiceError(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: a JSON object is expected.",
            )
        return self.body

    def allowed(self, action: str, scope: str = "") -> bool:
        """Whether the caller may also perform this action."""
        return self.world.authorization.allowed(self.principal.object_id, action, scope or self.id)

    def require(self, action: str, scope: str = "") -> None:
        """403 unless the caller may also perform this action."""
        if not self.allowed(action, scope):
            raise forbidden(self.principal, action, scope or self.id)


Handler = Callable[[Call], Reply]
Routes = dict[tuple[str, str], Handler]


def forbidden(principal: Principal, action: str, scope: str) -> ServiceError:
    """403 in Azure's words: the caller lacks a role."""
    return ServiceError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.app_id}' with object id '{principal.object_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope or '/'}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials.",
    )


def invalid(message: str, *, code: str = "BadRequest", target: str = "") -> ServiceError:
    """Azure ML's refusal of a request; the message is in its details."""
    return ServiceError(400, "BadRequest", INVALID, target=target, details=[{"code": code, "message": message}])


def not_found(id: str) -> ServiceError:
    """404 in Resource Manager's words."""
    _, _, provider = id.rpartition("/providers/")
    group = id.split("/")[4] if "/resourcegroups/" in id.lower() else ""
    resource = provider or id
    where = f" under resource group '{group}'" if group else ""
    return ServiceError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}'{where} was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
    )


def subscription_of(id: str) -> str:
    """The subscription's id in a resource id, empty where there is none."""
    parts = id.split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def now() -> str:
    """The current time as Azure writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def system_data(call: Call, existing: Document | None) -> Document:
    """Who created and who last changed a resource, and when."""
    kind = "User" if call.principal.kind == "User" else "Application"
    changed = {
        "lastModifiedAt": now(),
        "lastModifiedBy": call.principal.name or call.principal.app_id,
        "lastModifiedByType": kind,
    }
    if existing and "systemData" in existing:
        kept: Document = existing["systemData"]
        return kept | changed
    return {
        "createdAt": changed["lastModifiedAt"],
        "createdBy": changed["lastModifiedBy"],
        "createdByType": kind,
        **changed,
    }


def envelope(call: Call, existing: Document | None = None) -> Document:
    """id, name, type and systemData of the resource; the id keeps its first spelling."""
    id = call.world.store.spelling(call.id) or call.id
    address = call.address
    types = "/".join(address.types[: len(address.segments) // 2])
    return {
        "id": id,
        "name": id.rpartition("/")[2],
        "type": f"{address.namespace}/{types}",
        "systemData": system_data(call, existing),
    }
