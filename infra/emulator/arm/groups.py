"""Subscriptions and resource groups."""

import re
from typing import Any

from infra.emulator.arm.call import Call, Routes
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document, Store

GROUP_NAME = re.compile(r"[-\w.()]{1,89}[-\w()]|[-\w()]")


def add_subscription(store: Store, subscription: str, tenant_id: str) -> None:
    """Create a subscription unless it exists."""
    id = f"/subscriptions/{subscription}"
    if store.get(id) is None:
        document = {
            "id": id,
            "subscriptionId": subscription,
            "tenantId": tenant_id,
            "displayName": "gatelift emulator",
            "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "spendingLimit": "Off"},
            "authorizationSource": "RoleBased",
        }
        store.put(id, document)


def add_group(store: Store, subscription: str, name: str, location: str, tags: Any = None) -> Document:
    """Create or replace a resource group."""
    id = f"/subscriptions/{subscription}/resourceGroups/{name}"
    id = store.spelling(id) or id
    document = {
        "id": id,
        "name": id.rpartition("/")[2],
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "tags": tags or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    store.put(id, document)
    return document


def get(call: Call) -> Reply:
    """A subscription or a resource group."""
    document = call.world.store.get(call.id)
    if document is None:
        what = "The subscription" if len(call.address.names) == 1 else "Resource group"
        code = "SubscriptionNotFound" if len(call.address.names) == 1 else "ResourceGroupNotFound"
        raise ServiceError(404, code, f"{what} '{call.name}' could not be found.")
    return Reply(body=document)


def check_existence(call: Call) -> Reply:
    """Whether a resource group exists."""
    return Reply(204 if call.world.store.get(call.id) else 404)


def list_subscriptions(call: Call) -> Reply:
    """The subscriptions that the caller may read."""
    found = call.world.store.children("", "subscriptions")
    seen = [item for item in found if call.allowed("Microsoft.Resources/subscriptions/read", item["id"])]
    return Reply(body={"value": seen, "count": {"type": "Total", "value": len(seen)}})


def list_groups(call: Call) -> Reply:
    """The resource groups of a subscription."""
    return Reply(body={"value": call.world.store.children(call.id, "resourceGroups")})


def put_group(call: Call) -> Reply:
    """Create or update a resource group; its location cannot change."""
    body = call.object_body()
    subscription, name = call.address.names
    if not GROUP_NAME.fullmatch(name):
        raise ServiceError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters or a wrong length: "
            "letters, digits, '-', '_', '.', '(' and ')' are allowed, 90 at most, no '.' at the end.",
        )
    location = body.get("location")
    if not isinstance(location, str) or not location:
        raise ServiceError(400, "LocationRequired", "The location property is required for this definition.")
    existing = call.world.store.get(call.id)
    if existing and existing["location"].lower() != location.lower().replace(" ", ""):
        raise ServiceError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing['location']}'.",
        )
    add_subscription(call.world.store, subscription, call.world.tokens.tenant_id)
    location = location.lower().replace(" ", "")
    document = add_group(call.world.store, subscription, name, location, body.get("tags"))
    return Reply(200 if existing else 201, document)


def delete_group(call: Call) -> Reply:
    """Delete a group; 501 while it has workspaces or registries."""
    if call.world.store.get(call.id) is None:
        raise ServiceError(404, "ResourceGroupNotFound", f"Resource group '{call.name}' could not be found.")
    provider = f"{call.id}/providers/Microsoft.MachineLearningServices"
    if call.world.store.children(provider, "workspaces") or call.world.store.children(provider, "registries"):
        raise ServiceError(
            501, "NotImplemented", "The emulator does not know the operation 'DELETE' of a group with workspaces in it."
        )
    call.world.store.delete(call.id)
    return Reply(200)


ROUTES: Routes = {
    ("GET", "subscriptions"): list_subscriptions,
    ("GET", "subscriptions/{}"): get,
    ("GET", "subscriptions/{}/resourceGroups"): list_groups,
    ("GET", "subscriptions/{}/resourceGroups/{}"): get,
    ("HEAD", "subscriptions/{}/resourceGroups/{}"): check_existence,
    ("PUT", "subscriptions/{}/resourceGroups/{}"): put_group,
    ("DELETE", "subscriptions/{}/resourceGroups/{}"): delete_group,
}
