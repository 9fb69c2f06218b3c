"""User-assigned identities and their federated credentials."""

import re

from infra.emulator.arm.call import Call, Routes, envelope
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document, key_of

MOST_CREDENTIALS = 20
CREDENTIAL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}")


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
    for credential in _credentials(call, call.id):
        call.world.store.delete(credential["id"])
    call.world.store.delete(call.id)
    return Reply(200)


def get_credential(call: Call) -> Reply:
    """One federated credential."""
    return Reply(body=call.resource())


def list_credentials(call: Call) -> Reply:
    """The federated credentials of an identity."""
    call.resource(call.id)
    return Reply(body={"value": _credentials(call, call.id)})


def put_credential(call: Call) -> Reply:
    """Let the identity sign in with the assertions of an issuer about one subject."""
    identity = call.address.parent_id()
    call.resource(identity)
    if not CREDENTIAL_NAME.fullmatch(call.name):
        raise _refused(f"The name '{call.name}' must match {CREDENTIAL_NAME.pattern}.")
    sent = call.object_body().get("properties") or {}
    issuer, subject, audiences = (sent.get(name) for name in ("issuer", "subject", "audiences"))
    if not isinstance(issuer, str) or not issuer.startswith("https://"):
        raise _refused("The property 'issuer' must be an https URL.")
    if not isinstance(subject, str) or not subject:
        raise _refused("The property 'subject' must not be empty.")
    if not isinstance(audiences, list) or len(audiences) != 1:
        raise _refused("The property 'audiences' must have exactly one value.")
    others = [one for one in _credentials(call, identity) if key_of(one["id"]) != key_of(call.id)]
    if len(others) >= MOST_CREDENTIALS:
        raise _refused(f"An identity can have at most {MOST_CREDENTIALS} federated identity credentials.")
    if any((one["properties"]["issuer"], one["properties"]["subject"]) == (issuer, subject) for one in others):
        message = "Issuer and subject combination already exists for this Managed Identity."
        raise ServiceError(409, "Conflict", message)
    existing = call.world.store.get(call.id)
    document = envelope(call, existing) | {
        "properties": {"issuer": issuer, "subject": subject, "audiences": audiences},
    }
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, document)


def delete_credential(call: Call) -> Reply:
    """Remove a federated credential."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def _credentials(call: Call, identity: str) -> list[Document]:
    below = f"{key_of(identity)}/"
    found = call.world.store.of_type("federatedIdentityCredentials")
    return [one for one in found if key_of(one["id"]).startswith(below)]


def _refused(message: str) -> ServiceError:
    return ServiceError(400, "BadRequest", message)


CREDENTIAL = "userAssignedIdentities/{}/federatedIdentityCredentials"
ROUTES: Routes = {
    ("GET", "userAssignedIdentities"): list_identities,
    ("GET", "userAssignedIdentities/{}"): get_identity,
    ("PUT", "userAssignedIdentities/{}"): put_identity,
    ("DELETE", "userAssignedIdentities/{}"): delete_identity,
    ("GET", CREDENTIAL): list_credentials,
    ("GET", f"{CREDENTIAL}/{{}}"): get_credential,
    ("PUT", f"{CREDENTIAL}/{{}}"): put_credential,
    ("DELETE", f"{CREDENTIAL}/{{}}"): delete_credential,
}
