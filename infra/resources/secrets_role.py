"""The right of a user-assigned identity to read the workspace's secrets, which Azure does not give by itself."""

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
PROPAGATION = 600.0  # seconds until a new assignment is known everywhere
UNKNOWN_YET = 60.0  # an identity that was made moments ago is unknown to role assignments for about so long


@dataclass(frozen=True)
class SecretsRole(Resource):
    """The role assignment of one identity; whoever made one, it serves."""

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
        """Which role for which identity."""
        return {"identity": self.identity, "role": ROLE_NAME}

    def settle(self, live: Live) -> State:
        """An assignment that exists says all there is to say."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The assignment, if the identity has one on the workspace."""
        principal = self.principal(cloud)
        found = next((one for one in assignments(cloud, principal) if _is_ours(one)), None)
        if found is None:
            return None
        said = str(found["properties"].get("description") or "")
        return Live(dict(self.desired), said.removeprefix(MADE_BY) if said.startswith(MADE_BY) else "", document=found)

    def create(self, cloud: Cloud, state: State) -> None:
        """Assign the role under a name that follows from what it says, so that twice is once."""
        principal = self.principal(cloud)
        definition = f"/subscriptions/{cloud.workspace.subscription_id}{AUTHORIZATION}/roleDefinitions/{ROLE}"
        properties = {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "description": f"{MADE_BY}{self.stack}",
        }
        deadline = cloud.clock.now() + UNKNOWN_YET
        while not self._assigned(cloud, principal, properties, last=cloud.clock.now() >= deadline):
            cloud.clock.sleep(2)
        wait_until(
            lambda: any(_is_ours(one) for one in assignments(cloud, principal)),
            clock=cloud.clock,
            timeout=UNKNOWN_YET,
            every=1,
            what=f"the role assignment of {self.name}",
        )

    def delete(self, cloud: Cloud) -> None:
        """Take the assignment away."""
        cloud.management.delete(self._id(cloud, self.principal(cloud)), api_version=AUTHORIZATION_API)

    def principal(self, cloud: Cloud) -> str:
        """The identity's object id."""
        document = cloud.management.get(self.identity, api_version=IDENTITY_API)
        if document is None:
            hint = "`az identity create` makes one; `az identity list --query [].id` shows yours"
            raise NotFound(f"there is no identity {self.identity}", hint=hint, code="identity_not_found")
        return str(document["properties"]["principalId"])

    def _assigned(self, cloud: Cloud, principal: str, properties: dict[str, str], *, last: bool) -> bool:
        try:
            body = {"properties": properties}
            cloud.management.put(self._id(cloud, principal), body, api_version=AUTHORIZATION_API)
        except AccessDenied as error:
            message = f"you may not give the identity {self.name} the right to read the workspace's secrets"
            hint = f"ask an owner to run: {command(cloud, principal)}"
            raise AccessDenied(message, hint=hint, code=error.code, request_id=error.request_id) from None
        except GateliftError as error:
            if error.code == "PrincipalNotFound" and not last:
                return False
            if error.code != "RoleAssignmentExists":
                raise
        return True

    def _id(self, cloud: Cloud, principal: str) -> str:
        says = f"{cloud.workspace.id}|{ROLE}|{principal}".lower()
        return f"{cloud.workspace.id}{AUTHORIZATION}/roleAssignments/{uuid.uuid5(uuid.NAMESPACE_URL, says)}"


def command(cloud: Cloud, principal: str) -> str:
    """What an owner types instead."""
    return (
        f'az role assignment create --role "{ROLE_NAME}" --assignee-object-id {principal} '
        f"--assignee-principal-type ServicePrincipal --scope {cloud.workspace.id}"
    )


def assignments(cloud: Cloud, principal: str) -> list[dict[str, Any]]:
    """What is assigned to a principal on the workspace and above it."""
    where = f"{cloud.workspace.id}{AUTHORIZATION}/roleAssignments"
    query = {"$filter": f"assignedTo('{principal}')"}
    return cloud.management.list(where, api_version=AUTHORIZATION_API, query=query)


def granted_just_now(cloud: Cloud, endpoint: str) -> bool:
    """Whether the endpoint's identity got the role so recently that Azure may not know it everywhere."""
    identity = (cloud.management.get(cloud.workspace.endpoint(endpoint)) or {}).get("identity") or {}
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    principals = [identity.get("principalId"), *(one.get("principalId") for one in assigned)]
    try:
        found = [one for principal in principals if principal for one in assignments(cloud, str(principal))]
    except GateliftError:  # who may not look cannot know, and then there is nothing to wait for
        return False
    made = [one["properties"].get("createdOn") for one in found if _is_ours(one)]
    ages = [(cloud.clock.utc() - datetime.fromisoformat(moment)).total_seconds() for moment in made if moment]
    return any(age < PROPAGATION for age in ages)


def _is_ours(assignment: dict[str, Any]) -> bool:
    return str(assignment.get("properties", {}).get("roleDefinitionId", "")).lower().endswith(ROLE)
