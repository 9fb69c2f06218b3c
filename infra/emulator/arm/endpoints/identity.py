"""The identity of an endpoint and the roles that the platform gives it."""

from typing import Any

from infra.emulator.arm.call import Call
from infra.emulator.identity.roles import BLOB_DATA_READER, CONNECTION_SECRETS_READER, METRICS_WRITER
from infra.emulator.state.store import Document


def new_identity(call: Call, sent: Document) -> Document:
    """The identity of a new endpoint: a new principal, or the user-assigned identities with their ids."""
    world = call.world
    tenant = {"tenantId": world.tokens.tenant_id}
    if sent["type"] == "SystemAssigned":
        principal = world.directory.create(f"{call.name}-identity")
        return {"type": "SystemAssigned", "principalId": principal.object_id, **tenant}
    assigned: Document = {}
    for id in sent["userAssignedIdentities"]:
        known: Any = call.resource(id)["properties"]
        assigned[id] = {"principalId": known["principalId"], "clientId": known["clientId"]}
    return {"type": "UserAssigned", "userAssignedIdentities": assigned}


def grant_roles(call: Call, document: Document, *, with_secrets: bool) -> None:
    """Assign the roles that the platform gives a system-assigned identity."""
    world = call.world
    principal = document["identity"]["principalId"]
    storage = call.resource(call.workspace_id)["properties"]["storageAccount"]
    roles = [(METRICS_WRITER, call.workspace_id), (BLOB_DATA_READER, storage)]
    if with_secrets:
        roles.append((CONNECTION_SECRETS_READER, call.workspace_id))
    ids = [world.authorization.assign(principal, role, scope, by=call.principal.object_id) for role, scope in roles]
    world.store.put_record("granted", call.id.lower(), {"ids": ids})
