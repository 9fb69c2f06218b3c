"""The role assignments of a user-assigned identity: what a system-assigned one gets from Azure itself.

Source: Azure ML "Troubleshoot online endpoints", authorization error, and "Secret injection in online endpoints".
"""

import uuid
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.clock import wait_until
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.resources.base import Live, Resource, State

SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
AUTHORIZATION = "/providers/Microsoft.Authorization"
AUTHORIZATION_API, IDENTITY_API = "2022-04-01", "2023-01-31"
MADE_BY = "gatelift: "
PROPAGATION = 600.0  # seconds until a new role assignment takes effect everywhere
NEW_IDENTITY = 60.0  # seconds during which Azure may refuse to assign a role to a new identity


@dataclass(frozen=True)
class IdentityRole(Resource):
    """A role assignment of one identity; one that somebody else created is used as it is."""

    identity: str
    stack: str

    kind: ClassVar[str] = "role"
    shared: ClassVar[bool] = True
    role: ClassVar[str]
    role_name: ClassVar[str]
    purpose: ClassVar[str]
    """What the role lets the identity do."""
    enough: ClassVar[frozenset[str]] = frozenset()
    """Other roles that let it do that, too."""

    @property
    def identity_name(self) -> str:
        """The identity's name."""
        return self.identity.rstrip("/").rpartition("/")[2]

    @property
    def name(self) -> str:
        """The identity's name, and the role's."""
        return f"{self.identity_name} ({self.role_name})"

    @abstractmethod
    def scope(self, cloud: Cloud) -> str:
        """The resource id at which the role is needed; empty where there is no such resource."""

    @cached_property
    def desired(self) -> State:
        """The identity and the role."""
        return {"identity": self.identity, "role": self.role_name}

    def settle(self, live: Live) -> State:
        """Nothing: an existing assignment has nothing to change."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The assignment; None where the identity has none at the scope. Raises `NotFound` for no such identity.

        Where there is nothing to assign it on, or the caller may not read it, it is taken for granted.
        """
        principal, scope = self.principal(cloud), self.scope(cloud)
        try:
            found = self._found(cloud, principal, scope) if scope else {"properties": {}}
        except AccessDenied:
            if scope == cloud.workspace.id:
                raise
            found = {"properties": {}}
        if found is None:
            return None
        description = str(found["properties"].get("description") or "")
        owner = description.removeprefix(MADE_BY) if description.startswith(MADE_BY) else ""
        return Live(dict(self.desired), owner, document=found)

    def create(self, cloud: Cloud, state: State) -> None:
        """Assign the role, under a name that a second run would use again, and wait until the assignment is listed."""
        principal = self.principal(cloud)
        definition = f"/subscriptions/{cloud.workspace.subscription_id}{AUTHORIZATION}/roleDefinitions/{self.role}"
        properties = {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "description": f"{MADE_BY}{self.stack}",
        }
        deadline = cloud.clock.now() + NEW_IDENTITY
        while not self._assigned(cloud, principal, properties, last=cloud.clock.now() >= deadline):
            cloud.clock.sleep(2)
        wait_until(
            lambda: self._found(cloud, principal, self.scope(cloud)) is not None,
            clock=cloud.clock,
            timeout=NEW_IDENTITY,
            every=1,
            what=f"the role assignment of {self.identity_name}",
        )

    def delete(self, cloud: Cloud) -> None:
        """Delete the assignment."""
        cloud.management.delete(self._id(cloud, self.principal(cloud)), api_version=AUTHORIZATION_API)

    def principal(self, cloud: Cloud) -> str:
        """The identity's principal id; raises `NotFound` where the identity does not exist."""
        document = cloud.management.get(self.identity, api_version=IDENTITY_API)
        if document is None:
            hint = "create it with `az identity create`; `az identity list --query [].id` shows yours"
            raise NotFound(f"there is no identity {self.identity}", hint=hint, code="identity_not_found")
        return str(document["properties"]["principalId"])

    def _assigned(self, cloud: Cloud, principal: str, properties: dict[str, str], *, last: bool) -> bool:
        try:
            body = {"properties": properties}
            cloud.management.put(self._id(cloud, principal), body, api_version=AUTHORIZATION_API)
        except AccessDenied as error:
            message = f"you may not assign the role that lets the identity {self.identity_name} {self.purpose}"
            hint = f"ask an owner to run: {' && '.join(self._commands(cloud, principal))}"
            raise AccessDenied(message, hint=hint, code=error.code, request_id=error.request_id) from None
        except GateliftError as error:
            if error.code == "PrincipalNotFound" and not last:
                return False
            if error.code != "RoleAssignmentExists":
                raise
        return True

    def _found(self, cloud: Cloud, principal: str, scope: str) -> dict[str, Any] | None:
        held = assignments(cloud, principal, scope)
        exact = next((one for one in held if _role_of(one) == self.role), None)
        return exact or next((one for one in held if _role_of(one) in self.enough), None)

    def _commands(self, cloud: Cloud, principal: str) -> list[str]:
        """The `az` commands with which an owner assigns this role, and the others that the identity lacks."""
        others = [kind(self.identity, self.stack) for kind in ROLES if kind is not type(self)]
        lacking = [self, *(one for one in others if one.read(cloud) is None)]
        return [
            f'az role assignment create --role "{one.role_name}" --assignee-object-id {principal} '
            f"--assignee-principal-type ServicePrincipal --scope {one.scope(cloud)}"
            for one in lacking
        ]

    def _id(self, cloud: Cloud, principal: str) -> str:
        scope = self.scope(cloud)
        content = f"{scope}|{self.role}|{principal}".lower()
        return f"{scope}{AUTHORIZATION}/roleAssignments/{uuid.uuid5(uuid.NAMESPACE_URL, content)}"


class SecretsRole(IdentityRole):
    """Lets the identity read the workspace's secrets, the token among them."""

    role = SECRETS_READER
    role_name = "Azure Machine Learning Workspace Connection Secrets Reader"
    purpose = "read the workspace's secrets"

    def scope(self, cloud: Cloud) -> str:
        """The workspace."""
        return cloud.workspace.id


class ImagesRole(IdentityRole):
    """Lets the identity pull images from the workspace's container registry."""

    role = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    role_name = "AcrPull"
    purpose = "pull images from the workspace's container registry"
    enough = frozenset({"8311e382-0749-4cb8-b61a-304f252e45ec", OWNER, CONTRIBUTOR})  # AcrPush, …

    def scope(self, cloud: Cloud) -> str:
        """The container registry; a workspace gets it with its first image."""
        return _of_workspace(cloud, "containerRegistry")


class StorageRole(IdentityRole):
    """Lets the identity read code and models in the workspace's storage account."""

    role = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    role_name = "Storage Blob Data Reader"
    purpose = "read code and models in the workspace's storage account"
    enough = frozenset({"ba92f5b4-2d11-453d-a403-e96b0029c9fe", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"})

    def scope(self, cloud: Cloud) -> str:
        """The storage account."""
        return _of_workspace(cloud, "storageAccount")


ROLES: tuple[type[IdentityRole], ...] = (SecretsRole, ImagesRole, StorageRole)


def assignments(cloud: Cloud, principal: str, scope: str = "") -> list[dict[str, Any]]:
    """The role assignments of a principal at a scope, by default the workspace, and at the scopes above it."""
    where = f"{scope or cloud.workspace.id}{AUTHORIZATION}/roleAssignments"
    query = {"$filter": f"assignedTo('{principal}')"}
    return cloud.management.list(where, api_version=AUTHORIZATION_API, query=query)


def assigned_by(cloud: Cloud) -> list[tuple[str, dict[str, Any]]]:
    """The role assignments that the stack made, with the roles' names, whatever identity its spec named then.

    Raises `AccessDenied` where those on the workspace may not be read; others that may not be read are left out.
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    names = {kind.role: kind.role_name for kind in ROLES}
    for scope in dict.fromkeys(kind("", "").scope(cloud) for kind in ROLES):
        where, query = f"{scope}{AUTHORIZATION}/roleAssignments", {"$filter": "atScope()"}
        try:
            held = cloud.management.list(where, api_version=AUTHORIZATION_API, query=query) if scope else []
        except AccessDenied:
            if scope == cloud.workspace.id:
                raise
            continue
        for one in held:
            if one["properties"].get("description") == f"{MADE_BY}{cloud.stack}":
                found[one["id"]] = names.get(_role_of(one), _role_of(one)), one
    return list(found.values())


def recently_granted(cloud: Cloud, endpoint: str, roles: Sequence[type[IdentityRole]]) -> bool:
    """Whether the endpoint's identity got one of the roles so recently that it may not have taken effect everywhere."""
    identity = (cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}).get("identity") or {}
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    principals = [identity.get("principalId"), *(one.get("principalId") for one in assigned)]
    try:
        scopes = [scope for kind in roles if (scope := kind("", "").scope(cloud))]
        held = [assignments(cloud, str(each), scope) for each in principals if each for scope in scopes]
        found = [one for several in held for one in several]
    except GateliftError:  # the caller may not read role assignments
        return False
    created = [one["properties"].get("createdOn") for one in found if _role_of(one) in {kind.role for kind in roles}]
    ages = [(cloud.clock.utc() - datetime.fromisoformat(moment)).total_seconds() for moment in created if moment]
    return any(age < PROPAGATION for age in ages)


def _role_of(assignment: dict[str, Any]) -> str:
    return str(assignment.get("properties", {}).get("roleDefinitionId", "")).lower().rpartition("/")[2]


def _of_workspace(cloud: Cloud, name: str) -> str:
    document = cloud.management.get(cloud.workspace.id) or {}
    return str(document.get("properties", {}).get(name) or "")
