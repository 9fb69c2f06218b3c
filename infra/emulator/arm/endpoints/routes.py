"""Online endpoints: the resource, its keys and its tokens."""

import secrets

from infra.emulator.arm.call import Call, Routes, envelope, invalid
from infra.emulator.arm.endpoints.identity import grant_roles, new_identity
from infra.emulator.arm.endpoints.rules import (
    CALL_FAILED,
    ENFORCE_ACCESS,
    check_enforce_access,
    check_identity,
    check_name,
    check_name_is_free,
    check_shape,
    check_traffic,
    merged_properties,
)
from infra.emulator.arm.endpoints.work import BUSY
from infra.emulator.arm.operations import accepted, operation_url
from infra.emulator.arm.tags import checked_tags
from infra.emulator.errors import ServiceError
from infra.emulator.frontend.auth import aml_token_audience
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document


def get_endpoint(call: Call) -> Reply:
    """One endpoint."""
    return Reply(body=call.resource())


def list_endpoints(call: Call) -> Reply:
    """The endpoints of a workspace."""
    found = call.world.store.children(call.id, "onlineEndpoints")
    if wanted := call.query.get("name"):
        found = [item for item in found if item["name"].lower() == wanted.lower()]
    return Reply(body={"value": found})


def put_endpoint(call: Call) -> Reply:
    """Create or update an endpoint."""
    body = call.object_body()
    sent = check_shape(body)
    existing = call.world.store.get(call.id)
    region = call.resource(call.workspace_id)["location"]
    location = (body.get("location") or region).lower().replace(" ", "")
    if location != (existing["location"] if existing else region):
        raise ServiceError(
            409 if existing else 400,
            "InvalidResourceLocation",
            f"The location '{location}' of the endpoint is not that of its workspace: '{region}'.",
        )
    if existing is None:
        return _create(call, body, sent, location)
    return _update(call, existing, body, sent)


def patch_endpoint(call: Call) -> Reply:
    """Change tags."""
    body = call.object_body()
    document = call.resource()
    tags = checked_tags(body.get("tags"))
    if body.get("identity") and body["identity"].get("type") != document["identity"]["type"]:
        raise invalid("The identity of an endpoint cannot be changed after its creation.", code=CALL_FAILED)
    if body.get("tags") is not None:
        document["tags"] = tags
    return _begin_put(call, document, 202)


def delete_endpoint(call: Call) -> Reply:
    """Remove an endpoint with its deployments."""
    document = call.world.store.get(call.id)
    if document is None:
        return Reply(204)
    if operation := call.world.operations.running(call.id, "delete-endpoint"):
        return accepted(call, 202, operation, document["location"])
    fault = call.world.faults.operation(call.method, call.path)
    document["properties"]["provisioningState"] = "Deleting"
    call.world.store.put(call.id, document)
    operation = call.world.operations.start("delete-endpoint", document["id"], fault=fault)
    return accepted(call, 202, operation, document["location"])


def list_keys(call: Call) -> Reply:
    """The two keys."""
    _require_mode(call.resource(), "Key", "keys")
    keys = call.world.store.secrets(call.id) or {}
    return Reply(body={"primaryKey": keys.get("primaryKey"), "secondaryKey": keys.get("secondaryKey")})


def regenerate_keys(call: Call) -> Reply:
    """Replace one key with the value that was sent or a new one."""
    body = call.object_body()
    document = call.resource()
    _require_mode(document, "Key", "keys")
    kind = str(body.get("keyType", "")).lower()
    if kind not in ("primary", "secondary"):
        raise invalid("The keyType must be Primary or Secondary.", code="ValidationError", target="keyType")
    keys = call.world.store.secrets(call.id) or {}
    keys[f"{kind}Key"] = body.get("keyValue") or _new_key()
    call.world.store.put_secrets(call.id, keys)
    operation = call.world.operations.start("regenerate-keys", document["id"])
    return accepted(call, 202, operation, document["location"])


def get_token(call: Call) -> Reply:
    """A token issued by the endpoint, for the auth mode `AMLToken`."""
    document = call.resource()
    _require_mode(document, "AMLToken", "tokens")
    lifetime = call.world.settings["aml_token_lifetime_seconds"]
    expiry = int(call.world.settings.now() + lifetime)
    return Reply(
        body={
            "accessToken": call.world.tokens.issue(call.principal, aml_token_audience(document["id"]), lifetime),
            "expiryTimeUtc": expiry,
            "refreshAfterTimeUtc": int(expiry - lifetime / 2),
            "tokenType": "Bearer",
        }
    )


def _create(call: Call, body: Document, sent: Document, location: str) -> Reply:
    world = call.world
    check_name("endpoint", call.name)
    identity = body.get("identity") or {"type": "SystemAssigned"}
    check_identity(call, identity)
    properties = merged_properties({}, sent.get("properties"))
    check_enforce_access(call, properties, identity)
    check_traffic(world, call.id, sent, creating=True)
    check_name_is_free(world, call.id, location)
    head = envelope(call)
    document = head | {
        "location": location,
        "tags": body["tags"],
        "kind": body.get("kind") or "Managed",
        "identity": new_identity(call, identity),
        "properties": {
            **_described(sent),
            "properties": {"azureml.onlineendpointid": call.id, **properties},
            "traffic": {},
            "mirrorTraffic": {},
            "scoringUri": None,
            "swaggerUri": None,
        },
    }
    if identity["type"] == "SystemAssigned":
        grant_roles(call, document, with_secrets=properties.get(ENFORCE_ACCESS, "").lower() == "enabled")
    keys = sent.get("keys") or {}
    given = {name: keys.get(name) or _new_key() for name in ("primaryKey", "secondaryKey")}
    world.store.put_secrets(call.id, given)
    document["properties"]["provisioningState"] = "Creating"
    return _begin_put(call, document, 201)


def _update(call: Call, existing: Document, body: Document, sent: Document) -> Reply:
    identity = body.get("identity") or existing["identity"]
    kept_ids = {id.lower() for id in existing["identity"].get("userAssignedIdentities") or {}}
    new_ids = {id.lower() for id in identity.get("userAssignedIdentities") or {}}
    if identity.get("type") != existing["identity"]["type"] or kept_ids != new_ids:
        raise invalid("The identity of an endpoint cannot be changed after its creation.", code=CALL_FAILED)
    properties = merged_properties(existing["properties"]["properties"], sent.get("properties"))
    if ENFORCE_ACCESS in properties and ENFORCE_ACCESS not in existing["properties"]["properties"]:
        check_enforce_access(call, properties, existing["identity"])
        grant_roles(call, existing, with_secrets=properties[ENFORCE_ACCESS].lower() == "enabled")
    check_traffic(call.world, call.id, sent, creating=False)
    shares = {name: sent.get(name) for name in ("traffic", "mirrorTraffic") if sent.get(name) is not None}
    document = envelope(call, existing) | {
        "location": existing["location"],
        "tags": body["tags"],
        "kind": existing["kind"],
        "identity": existing["identity"],
        "properties": existing["properties"] | _described(sent) | {"properties": properties} | shares,
    }
    return _begin_put(call, document, 200)


def _begin_put(call: Call, document: Document, status: int) -> Reply:
    world = call.world
    if world.operations.running(call.id) is not None:
        operation = world.operations.canceled("put-endpoint", document["id"], BUSY)
        return accepted(call, 200, operation, document["location"], world.store.get(call.id))
    fault = world.faults.operation(call.method, call.path)
    if status != 201:
        document["properties"]["provisioningState"] = "Updating"
    with world.store.transaction():
        operation = world.operations.start("put-endpoint", document["id"], fault=fault)
        url = operation_url(call, operation, document["location"])
        document["properties"]["properties"]["AzureAsyncOperationUri"] = url
        world.store.put(call.id, document)
    return accepted(call, status, operation, document["location"], document)


def _described(sent: Document) -> Document:
    return {
        "authMode": sent["authMode"],
        "description": sent.get("description"),
        "publicNetworkAccess": sent.get("publicNetworkAccess") or "Enabled",
        "keys": None,
        "compute": sent.get("compute"),
    }


def _require_mode(document: Document, mode: str, what: str) -> None:
    if document["properties"]["authMode"] != mode:
        raise invalid(
            f"The endpoint has no {what}: its auth mode is {document['properties']['authMode']}, not {mode}.",
            code=CALL_FAILED,
        )


def _new_key() -> str:
    return secrets.token_urlsafe(48)


ROUTES: Routes = {
    ("GET", "workspaces/{}/onlineEndpoints"): list_endpoints,
    ("GET", "workspaces/{}/onlineEndpoints/{}"): get_endpoint,
    ("PUT", "workspaces/{}/onlineEndpoints/{}"): put_endpoint,
    ("PATCH", "workspaces/{}/onlineEndpoints/{}"): patch_endpoint,
    ("DELETE", "workspaces/{}/onlineEndpoints/{}"): delete_endpoint,
    ("POST", "workspaces/{}/onlineEndpoints/{}/listKeys"): list_keys,
    ("POST", "workspaces/{}/onlineEndpoints/{}/regenerateKeys"): regenerate_keys,
    ("POST", "workspaces/{}/onlineEndpoints/{}/token"): get_token,
}
