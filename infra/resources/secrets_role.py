"""The role assignment that lets a user-assigned identity read the workspace's secrets."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.clock import wait_until
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.resources.base import Live, Resource, State

ROLE = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
ROLE_NAME = "Azure Machine Learning Workspace Connection Secrets Reader"
AUTHORIZATION = "/providers/Microsoft.Authorization"
AUTHORIZATION_API, IDENTITY_API = "2022-04-01", "2023-01-31"
MADE_BY = "gatelift: "
PROPAGATION = 600.0  # seconds until a new role assignment takes effect everywhere
NEW_IDENTITY = 60.0  # seconds during which Azure may refuse to assign a role to a new identity


@dataclass(frozen=True)
class SecretsRole(Resource):
    """The role assignment of one identity; one that somebody else created is used as it is."""

    identity: str
    stack: str

    kind: ClassVar[str] = "role"
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The identity's name."""
        return self.identity.rstrip("/").rpartition("/")[2]

    @cached_property
    def desired(self) -> State:
        """The identity and the role."""
        return {"identity": self.identity, "role": ROLE_NAME}

    def settle(self, live: Live) -> State:
        """Nothing: an existing assignment has nothing to change."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The assignment; None where the identity has none on the workspace. Raises `NotFound` for no such identity."""
        principal = self.principal(cloud)
        found = next((one for one in assignments(cloud, principal) if _is_ours(one)), None)
        if found is None:
            return None
        description = str(found["properties"].get("description") or "")
        owner = description.removeprefix(MADE_BY) if description.startswith(MADE_BY) else ""
        return Live(dict(self.desired), owner, document=found)

    def create(self, cloud: Cloud, state: State) -> None:
        """Assign the role, under a name that a second run would use again, and wait until the assignment is listed."""
        principal = self.principal(cloud)
        definition = f"/subscriptions/{cloud.workspace.subscription_id}{AUTHORIZATION}/roleDefinitions/{ROLE}"
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
            lambda: any(_is_ours(one) for one in assignments(cloud, principal)),
            clock=cloud.clock,
            timeout=NEW_IDENTITY,
            every=1,
            what=f"the role assignment of {self.name}",
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
            message = f"you may not assign the role that lets the identity {self.name} read the workspace's secrets"
            hint = f"ask an owner to run: {assign_command(cloud, principal)}"
            raise AccessDenied(message, hint=hint, code=error.code, request_id=error.request_id) from None
        except GateliftError as error:
            if error.code == "PrincipalNotFound" and not last:
                return False
            if error.code != "RoleAssignmentExists":
                raise
        return True

    def _id(self, cloud: Cloud, principal: str) -> str:
        content = f"{cloud.workspace.id}|{ROLE}|{principal}".lower()
        return f"{cloud.workspace.id}{AUTHORIZATION}/roleAssignments/{uuid.uuid5(uuid.NAMESPACE_URL, content)}"


def assign_command(cloud: Cloud, principal: str) -> str:
    """The `az` command with which an owner of the workspace assigns the role."""
    return (
        f'az role assignment create --role "{ROLE_NAME}" --assignee-object-id {principal} '
        f"--assignee-principal-type ServicePrincipal --scope {cloud.workspace.id}"
    )


def assignments(cloud: Cloud, principal: str) -> list[dict[str, Any]]:
    """The role assignments of a principal on the workspace and the scopes above it."""
    where = f"{cloud.workspace.id}{AUTHORIZATION}/roleAssignments"
    query = {"$filter": f"assignedTo('{principal}')"}
    return cloud.management.list(where, api_version=AUTHORIZATION_API, query=query)


def recently_granted(cloud: Cloud, endpoint: str) -> bool:
    """Whether the endpoint's identity got the role so recently that it may not have taken effect everywhere."""
    identity = (cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}).get("identity") or {}
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    principals = [identity.get("principalId"), *(one.get("principalId") for one in assigned)]
    try:
        found = [one for principal in principals if principal for one in assignments(cloud, str(principal))]
    except GateliftError:  # the caller may not read role assignments
        return False
    created = [one["properties"].get("createdOn") for one in found if _is_ours(one)]
    ages = [(cloud.clock.utc() - datetime.fromisoformat(moment)).total_seconds() for moment in created if moment]
    return any(age < PROPAGATION for age in ages)


def _is_ours(assignment: dict[str, Any]) -> bool:
    return str(assignment.get("properties", {}).get("roleDefinitionId", "")).lower().endswith(ROLE)
