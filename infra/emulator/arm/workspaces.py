"""Workspaces and their default datastores."""

import hashlib
import re
import uuid
from typing import Any

from infra.emulator.arm.call import Call, Routes, envelope, invalid, not_found
from infra.emulator.arm.tags import checked_tags
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.key_vault import VAULTS
from infra.emulator.state.store import Document, key_of
from infra.emulator.world import World

WORKSPACE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
DEFAULT_DATASTORE = "workspaceblobstore"
STORAGE_SUFFIX = "core.windows.net"


def add_workspace(world: World, id: str, head: Document, location: str, sent: Document) -> Document:
    """Create or replace a workspace; `head` is its envelope, `sent` what the caller wrote."""
    group, name = id.partition("/providers/")[0], id.rpartition("/")[2]
    account = account_name(id)
    storage = f"{group}/providers/Microsoft.Storage/storageAccounts/{account}"
    existing = world.store.get(id)
    unique = existing["properties"]["workspaceId"] if existing else str(uuid.uuid4())
    url = world.urls.resource_manager
    properties = {
        "friendlyName": name,
        "description": "",
        "keyVault": f"{group}/providers/Microsoft.KeyVault/vaults/{account}",
        "applicationInsights": f"{group}/providers/Microsoft.Insights/components/{account}",
        "hbiWorkspace": False,
        "publicNetworkAccess": "Enabled",
        **{key: value for key, value in (sent.get("properties") or {}).items() if value is not None},
        "storageAccount": storage,
        "provisioningState": "Succeeded",
        "workspaceId": unique,
        "tenantId": world.tokens.tenant_id,
        "discoveryUrl": f"{url}/discovery",
        "mlFlowTrackingUri": f"azureml://{url.partition('//')[2]}/mlflow/v1.0{id}",
    }
    document = head | {
        "location": location,
        "tags": sent.get("tags") or {},
        "kind": sent.get("kind") or "Default",
        "identity": (existing or {}).get("identity")
        or {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": world.tokens.tenant_id},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": properties,
    }
    world.store.put(id, document)
    _add_datastore(world, id, unique, account, storage)
    return document


def account_name(workspace_id: str) -> str:
    """The name of a workspace's storage account, derived from the workspace's id."""
    return "st" + hashlib.sha256(key_of(workspace_id).encode()).hexdigest()[:18]


def identity_only(world: World, workspace_id: str) -> bool:
    """Whether the workspace gives no signatures for its storage: callers need a role on the storage account."""
    workspace = world.store.get(workspace_id) or {"properties": {}}
    return str(workspace["properties"].get("systemDatastoresAuthMode", "")).lower() == "identity"


def _add_datastore(world: World, workspace_id: str, unique: str, account: str, storage: str) -> None:
    container = f"azureml-blobstore-{unique}"
    world.blobs.create_container(container, storage)
    id = f"{workspace_id}/datastores/{DEFAULT_DATASTORE}"
    authority = world.urls.resource_manager.partition("//")[2]
    document = {
        "id": id,
        "name": DEFAULT_DATASTORE,
        "type": "Microsoft.MachineLearningServices/workspaces/datastores",
        "properties": {
            "datastoreType": "AzureBlob",
            "description": None,
            "tags": {},
            "properties": {},
            "isDefault": True,
            "credentials": {"credentialsType": "None"}
            if identity_only(world, workspace_id)
            else {"credentialsType": "Sas", "secrets": {"secretsType": "Sas"}},
            # The SDK builds `https://{accountName}.blob.{endpoint}/{container}` from these: a path on this server.
            "accountName": f"{authority}/blobstore/{account}",
            "containerName": container,
            "endpoint": STORAGE_SUFFIX,
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "None",
            "subscriptionId": workspace_id.split("/")[2],
            "resourceGroup": workspace_id.split("/")[4],
        },
    }
    world.store.put(id, document)


def refresh_urls(world: World) -> None:
    """Update the addresses in every workspace and vault: the port may have changed with a restart."""
    for document in world.store.of_type("workspaces"):
        url = world.urls.resource_manager
        if document["properties"]["discoveryUrl"] != f"{url}/discovery":
            add_workspace(world, document["id"], document, document["location"], document)
    for vault in world.store.of_type("vaults"):
        vault["properties"]["vaultUri"] = f"{world.urls.resource_manager}{VAULTS}{vault['name']}/"
        world.store.put(vault["id"], vault)


def get_workspace(call: Call) -> Reply:
    """One workspace."""
    return Reply(body=call.resource())


def list_workspaces(call: Call) -> Reply:
    """The workspaces of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = [item for item in call.world.store.of_type("workspaces") if key_of(item["id"]).startswith(f"{scope}/")]
    return Reply(body={"value": found})


def put_workspace(call: Call) -> Reply:
    """Create or update a workspace."""
    body = call.object_body()
    if not WORKSPACE_NAME.fullmatch(call.name):
        raise invalid(
            f"Workspace name '{call.name}' is invalid. It must match the pattern ^{WORKSPACE_NAME.pattern}$.",
            code="ValidationError",
        )
    existing = call.world.store.get(call.id)
    location = body.get("location") or (existing or {}).get("location")
    if not isinstance(location, str):
        raise ServiceError(400, "LocationRequired", "The location property is required for this definition.")
    location = location.lower().replace(" ", "")
    if existing and existing["location"] != location:
        raise ServiceError(
            409,
            "InvalidResourceLocation",
            f"The resource '{call.name}' already exists in location '{existing['location']}' in resource group "
            f"'{call.address.scope.rpartition('/')[2]}'. A resource with the same name cannot be created in location "
            f"'{location}'. Please select a new resource name.",
        )
    document = add_workspace(call.world, call.id, envelope(call, existing), location, body)
    return Reply(200 if existing else 201, document)


def patch_workspace(call: Call) -> Reply:
    """Replace the tags, and change the texts that people read."""
    body, document = call.object_body(), call.resource()
    if body.get("tags") is not None:
        document["tags"] = checked_tags(body["tags"])
    sent = body.get("properties") or {}
    document["properties"] |= {name: sent[name] for name in ("description", "friendlyName") if name in sent}
    call.world.store.put(call.id, document)
    return Reply(200, document)


def delete_workspace(call: Call) -> Reply:
    """Remove a workspace without endpoints."""
    if call.world.store.get(call.id) is None:
        return Reply(204)
    if call.world.store.children(call.id, "onlineEndpoints"):
        raise invalid(
            f"Workspace '{call.name}' still has online endpoints; delete them first.", code="CannotDeleteWorkspace"
        )
    call.world.store.delete(call.id)
    return Reply(200)


def get_datastore(call: Call) -> Reply:
    """One datastore."""
    return Reply(body=call.resource())


def list_datastores(call: Call) -> Reply:
    """The datastores of a workspace."""
    found = call.world.store.children(call.id, "datastores")
    wanted = call.query.get("isdefault")
    if wanted is not None:
        found = [item for item in found if str(item["properties"]["isDefault"]).lower() == wanted.lower()]
    return Reply(body={"value": found})


def list_datastore_secrets(call: Call) -> Reply:
    """A shared access signature for the datastore's container."""
    if call.world.store.get(call.id) is None:
        raise not_found(call.id)
    properties = call.resource()["properties"]
    if properties["credentials"]["credentialsType"] == "None":
        raise invalid(f"The datastore '{call.name}' has no credentials.", code="UserError")
    container: Any = properties["containerName"]
    return Reply(body={"secretsType": "Sas", "sasToken": call.world.blobs.shared_access.sas(container)})


ROUTES: Routes = {
    ("GET", "workspaces"): list_workspaces,
    ("GET", "workspaces/{}"): get_workspace,
    ("PUT", "workspaces/{}"): put_workspace,
    ("PATCH", "workspaces/{}"): patch_workspace,
    ("DELETE", "workspaces/{}"): delete_workspace,
    ("GET", "workspaces/{}/datastores"): list_datastores,
    ("GET", "workspaces/{}/datastores/{}"): get_datastore,
    ("POST", "workspaces/{}/datastores/{}/listSecrets"): list_datastore_secrets,
}
