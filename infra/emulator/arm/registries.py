"""Registries: the resource, and the document with which clients discover it."""

import re

from infra.emulator.arm.call import ML, Call, Routes, envelope, invalid
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document, key_of
from infra.emulator.world import World

REGISTRY_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")


def add_registry(world: World, id: str, head: Document, location: str, sent: Document) -> Document:
    """Create or replace a registry and the blob container of its models."""
    name = id.rpartition("/")[2]
    url = world.urls.resource_manager
    storage = f"{id.partition('/providers/')[0]}/providers/Microsoft.Storage/storageAccounts/{container_name(id)}"
    document = head | {
        "location": location,
        "tags": sent.get("tags") or {},
        "identity": {"type": "SystemAssigned", "tenantId": world.tokens.tenant_id},
        "properties": {
            "description": (sent.get("properties") or {}).get("description"),
            "discoveryUrl": f"{url}/registrymanagement/v1.0/registries/{name}/discovery",
            "publicNetworkAccess": "Enabled",
            "regionDetails": [{"location": location}],
        },
    }
    del document["properties"]["description"]
    world.store.put(id, document)
    world.blobs.create_container(container_name(id), storage)
    return document


def container_name(registry_id: str) -> str:
    """The blob container of a registry."""
    return f"registry-{re.sub('[^a-z0-9]', '-', key_of(registry_id).rpartition('/')[2])}"


def all_registries(world: World) -> list[Document]:
    """Every registry of Azure ML; container registries are called registries, too."""
    return [item for item in world.store.of_type("registries") if f"/providers/{key_of(ML)}/" in key_of(item["id"])]


def find_registry(world: World, name: str) -> Document | None:
    """A registry by its name, which is unique across subscriptions."""
    return next((item for item in all_registries(world) if item["name"].lower() == name.lower()), None)


def discovery(world: World, name: str) -> Document | None:
    """The discovery document of a registry, None where there is no such registry."""
    registry = find_registry(world, name)
    if registry is None:
        return None
    parts = registry["id"].split("/")
    return {
        "registryName": registry["name"],
        "subscriptionId": parts[2],
        "resourceGroup": parts[4],
        "primaryRegion": registry["location"],
        "regions": [registry["location"]],
        "primaryRegionResourceProviderUri": f"{world.urls.resource_manager}/",
    }


def get_registry(call: Call) -> Reply:
    """One registry."""
    return Reply(body=call.resource())


def list_registries(call: Call) -> Reply:
    """The registries of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = [item for item in all_registries(call.world) if key_of(item["id"]).startswith(f"{scope}/")]
    return Reply(body={"value": found})


def put_registry(call: Call) -> Reply:
    """Create or update a registry."""
    body = call.object_body()
    if not REGISTRY_NAME.fullmatch(call.name):
        raise invalid(f"Registry name '{call.name}' is invalid. It must match ^{REGISTRY_NAME.pattern}$.")
    existing = call.world.store.get(call.id)
    other = find_registry(call.world, call.name)
    if other and existing is None:
        raise ServiceError(409, "Conflict", f"The registry name '{call.name}' is already taken.")
    if not isinstance(body.get("location"), str):
        raise ServiceError(400, "LocationRequired", "The location property is required for this definition.")
    location = body["location"].lower().replace(" ", "")
    document = add_registry(call.world, call.id, envelope(call, existing), location, body)
    return Reply(200 if existing else 201, document)


def delete_registry(call: Call) -> Reply:
    """Remove a registry with everything in it."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


ROUTES: Routes = {
    ("GET", "registries"): list_registries,
    ("GET", "registries/{}"): get_registry,
    ("PUT", "registries/{}"): put_registry,
    ("DELETE", "registries/{}"): delete_registry,
}
