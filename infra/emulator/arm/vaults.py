"""Key vaults as resources; their secrets are served by `infra.emulator.key_vault`."""

import re
from typing import Any

from infra.emulator.arm.call import Call, Routes, envelope
from infra.emulator.arm.tags import string_map
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.key_vault import VAULTS, find_vault
from infra.emulator.state.store import Document, key_of

VAULT_NAME = re.compile(r"(?=.{3,24}$)[a-zA-Z]([a-zA-Z0-9]|-(?=[a-zA-Z0-9]))*")


def get_vault(call: Call) -> Reply:
    """One vault."""
    return Reply(body=call.resource())


def list_vaults(call: Call) -> Reply:
    """The vaults of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = call.world.store.of_type("vaults")
    return Reply(body={"value": [item for item in found if key_of(item["id"]).startswith(f"{scope}/")]})


def put_vault(call: Call) -> Reply:
    """Create or update a vault; access policies are stored but not evaluated, only roles are."""
    body = call.object_body()
    if not VAULT_NAME.fullmatch(call.name):
        raise ServiceError(
            400,
            "VaultNameNotValid",
            f"The vault name '{call.name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. "
            "The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.",
        )
    sent = body.get("properties")
    if not isinstance(body.get("location"), str) or not isinstance(sent, dict):
        raise ServiceError(400, "BadRequest", "The location and properties of a vault are required.")
    _check(sent, call.world.tokens.tenant_id)
    existing = call.world.store.get(call.id)
    if existing is None and find_vault(call.world.store, call.name):
        raise ServiceError(
            409,
            "VaultAlreadyExists",
            f"The vault name '{call.name}' is already in use. Vault names are globally unique so it is possible that "
            "the name is already taken.",
        )
    head = envelope(call, existing)
    document = head | {
        "location": body["location"].lower().replace(" ", ""),
        "tags": string_map("tags", body.get("tags")),
        "properties": {
            "enableSoftDelete": True,
            "enableRbacAuthorization": False,
            "accessPolicies": [],
            "publicNetworkAccess": "Enabled",
            **sent,
            "vaultUri": f"{call.world.urls.resource_manager}{VAULTS}{head['name']}/",
            "provisioningState": "Succeeded",
        },
    }
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, document)


def delete_vault(call: Call) -> Reply:
    """Remove a vault with its secrets; soft deletion is not emulated."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def _check(sent: Document, tenant: str) -> None:
    sku: Any = sent.get("sku")
    if not isinstance(sku, dict) or sku.get("family") != "A" or str(sku.get("name")).lower() not in _SKUS:
        raise ServiceError(400, "BadRequest", "The sku of a vault needs the family A and the name standard or premium.")
    if str(sent.get("tenantId")).lower() != tenant.lower():
        raise ServiceError(400, "BadRequest", f"The tenantId '{sent.get('tenantId')}' is not that of the subscription.")
    if not sent.get("enableRbacAuthorization") and not isinstance(sent.get("accessPolicies"), list):
        raise ServiceError(400, "BadRequest", "The parameter accessPolicies is not specified.")


_SKUS = ("standard", "premium")
ROUTES: Routes = {
    ("GET", "vaults"): list_vaults,
    ("GET", "vaults/{}"): get_vault,
    ("PUT", "vaults/{}"): put_vault,
    ("DELETE", "vaults/{}"): delete_vault,
}
