"""User-assigned identities."""

from infra.emulator.arm.call import Call, Routes, envelope
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import key_of


def get_identity(call: Call) -> Reply:
    """One identity."""
    return Reply(body=call.resource())


def list_identities(call: Call) -> Reply:
    """The identities of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = call.world.store.of_type("userAssignedIdentities")
    return Reply(body={"value": [item for item in found if key_of(item["id"]).startswith(f"{scope}/")]})


def put_identity(call: Call) -> Reply:
    """Create an identity with a principal of its own, or change its tags."""
    body = call.object_body()
    if not isinstance(body.get("location"), str):
        raise ServiceError(400, "LocationRequired", "The location property is required for this definition.")
    existing = call.world.store.get(call.id)
    if existing:
        properties = existing["properties"]
    else:
        principal = call.world.directory.create(call.name)
        properties = {
            "tenantId": call.world.tokens.tenant_id,
            "principalId": principal.object_id,
            "clientId": principal.app_id,
        }
    location = body["location"].lower().replace(" ", "")
    document = envelope(call, existing) | {
        "location": location,
        "tags": body.get("tags") or {},
        "properties": properties,
    }
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, document)


def delete_identity(call: Call) -> Reply:
    """Remove an identity; its tokens stay valid until they expire."""
    document = call.world.store.get(call.id)
    if document is None:
        return Reply(204)
    call.world.directory.remove(document["properties"]["principalId"])
    call.world.store.delete(call.id)
    return Reply(200)


ROUTES: Routes = {
    ("GET", "userAssignedIdentities"): list_identities,
    ("GET", "userAssignedIdentities/{}"): get_identity,
    ("PUT", "userAssignedIdentities/{}"): put_identity,
    ("DELETE", "userAssignedIdentities/{}"): delete_identity,
}
