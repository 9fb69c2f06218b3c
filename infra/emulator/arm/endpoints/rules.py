"""Azure ML's rules for online endpoints."""

import re

from infra.emulator.arm.call import Call, invalid
from infra.emulator.arm.connections import LIST_SECRETS
from infra.emulator.arm.tags import checked_tags, string_map
from infra.emulator.errors import ServiceError
from infra.emulator.state.store import Document
from infra.emulator.world import World

ENDPOINT_NAME = re.compile(r"(?=.{3,32}$)[a-zA-Z]([a-zA-Z0-9]|-(?=[a-zA-Z0-9]))*")
AUTH_MODES = ("Key", "AMLToken", "AADToken")
ENFORCE_ACCESS = "enforce_access_to_default_secret_stores"
MAX_MIRRORED = 50
CALL_FAILED = "InferencingClientCallFailed"
# Properties that the service writes itself; a client's values for them are ignored.
OWN_PROPERTIES = ("azureml.", "AzureAsyncOperationUri", "created", "lastModified")


def check_name(noun: str, name: str) -> None:
    """400 for an invalid name of an endpoint or a deployment."""
    if not ENDPOINT_NAME.fullmatch(name):
        raise invalid(
            f"The {noun} name '{name}' is invalid. {noun.capitalize()} names must be 3 to 32 characters long, begin "
            "with a letter, end with a letter or a digit, and contain letters, digits and single '-' only.",
            code=CALL_FAILED,
            target="name",
        )


def check_shape(body: Document) -> Document:
    """The properties of a request, after the checks that need nothing else."""
    sent = body.get("properties")
    if not isinstance(sent, dict):
        raise _wrong("The properties field is required.", "properties")
    if sent.get("compute") or str(body.get("kind") or "Managed").lower() != "managed":
        message = "The emulator knows managed online endpoints only, no endpoints on Kubernetes."
        raise ServiceError(501, "NotImplemented", message, target="properties.compute")
    if sent.get("authMode") not in AUTH_MODES:
        raise _wrong(
            f"The authMode '{sent.get('authMode')}' is not supported. Supported values: {', '.join(AUTH_MODES)}.",
            "properties.authMode",
        )
    if access := sent.get("publicNetworkAccess"):
        if str(access).lower() not in ("enabled", "disabled"):
            raise _wrong("publicNetworkAccess must be Enabled or Disabled.", "properties.publicNetworkAccess")
        sent["publicNetworkAccess"] = str(access).capitalize()  # the SDK sends the lower case of its YAML
    body["tags"] = checked_tags(body.get("tags"))
    sent["properties"] = string_map("properties", sent.get("properties"))
    for name in ("traffic", "mirrorTraffic"):
        shares = sent.get(name)
        if shares is None:
            continue
        if not isinstance(shares, dict) or any(type(share) is not int for share in shares.values()):
            raise _wrong(f"{name} must map deployment names to whole percentages.", f"properties.{name}")
        if any(not 0 <= share <= 100 for share in shares.values()):
            raise _wrong(f"Every share of {name} must be from 0 to 100.", f"properties.{name}")
    return sent


def check_traffic(world: World, endpoint_id: str, sent: Document, *, creating: bool) -> None:
    """400 unless traffic adds up to 0 or 100 over existing deployments and mirrors at most 50 to one of them."""
    traffic, mirror = ({k: v for k, v in (sent.get(name) or {}).items() if v} for name in ("traffic", "mirrorTraffic"))
    if creating and (traffic or mirror):
        raise invalid(
            "Traffic cannot be set while the endpoint is being created: its deployments have to exist first.",
            code=CALL_FAILED,
            target="properties.traffic",
        )
    known = {item["name"].lower() for item in world.store.children(endpoint_id, "deployments")}
    for name in [*traffic, *mirror]:
        if name.lower() not in known:
            raise invalid(
                f"Deployment '{name}' in the traffic of the endpoint does not exist.",
                code=CALL_FAILED,
                target="properties.traffic",
            )
    total = sum(traffic.values())
    if total not in (0, 100):
        raise invalid(
            f"The sum of traffic percentages must be either 0 or 100, it is {total}.",
            code=CALL_FAILED,
            target="properties.traffic",
        )
    both = {name.lower() for name in traffic} & {name.lower() for name in mirror}
    if len(mirror) > 1 or sum(mirror.values()) > MAX_MIRRORED or both:
        raise invalid(
            f"Mirror traffic may go to one deployment that has no live traffic, {MAX_MIRRORED} percent at most.",
            code=CALL_FAILED,
            target="properties.mirrorTraffic",
        )


def check_identity(call: Call, identity: Document) -> None:
    """400 for an unknown type of identity or a user-assigned identity that does not exist."""
    kind = identity.get("type")
    if kind not in ("SystemAssigned", "UserAssigned"):
        raise _wrong(f"The identity type '{kind}' is not supported for online endpoints.", "identity.type")
    assigned = identity.get("userAssignedIdentities") or {}
    if kind == "UserAssigned" and not assigned:
        raise _wrong("A user-assigned identity needs the id of an identity.", "identity.userAssignedIdentities")
    for id in assigned:
        if call.world.store.get(id) is None:
            raise ServiceError(
                400,
                "FailedIdentityOperation",
                f"Identity operation for resource '{call.id}' failed with error 'Failed to perform resource identity "
                f"operation. Status: 'BadRequest'. The resource '{id}' was not found'.",
            )


def check_enforce_access(call: Call, properties: Document, identity: Document) -> None:
    """400 for the flag with a user-assigned identity, 403 if the caller may not read connection secrets."""
    flag = (properties.get(ENFORCE_ACCESS) or "disabled").lower()
    if flag not in ("enabled", "disabled"):
        raise _wrong(f"{ENFORCE_ACCESS} must be enabled or disabled.", f"properties.properties.{ENFORCE_ACCESS}")
    if ENFORCE_ACCESS in properties and identity["type"] == "UserAssigned":
        raise _wrong(
            f"The property {ENFORCE_ACCESS} cannot be used with a user-assigned identity. Assign the permissions to "
            "the identity before you deploy.",
            f"properties.properties.{ENFORCE_ACCESS}",
        )
    if flag == "enabled":
        call.require(LIST_SECRETS, call.workspace_id)


def merged_properties(kept: Document, sent: Document | None) -> Document:
    """The existing properties with new ones added; 400 for a change of an existing one."""
    merged = dict(kept)
    for name, value in (sent or {}).items():
        if name.startswith(OWN_PROPERTIES):
            continue
        if name in kept and kept[name] != value:
            raise _wrong(
                f"The property '{name}' cannot be altered. Properties can be added, but not removed or altered.",
                f"properties.properties.{name}",
            )
        merged[name] = value
    return merged


def check_name_is_free(world: World, endpoint_id: str, region: str) -> None:
    """400 where the region already has an endpoint of this name or too many endpoints."""
    name = endpoint_id.rpartition("/")[2].lower()
    here = [id.lower() for id in world.store.located("onlineEndpoints", region)]
    if any(id.endswith(f"/{name}") for id in here):
        raise ServiceError(
            400,
            "UserError",
            "An endpoint with this name already exists. If you are trying to create a new endpoint, use a different "
            "name. If you are trying to update an existing endpoint, make sure that its workspace is the right one.",
        )
    subscription = endpoint_id.split("/")[2].lower()
    most = int(world.settings["endpoints_per_subscription"])
    if sum(id.split("/")[2] == subscription for id in here) >= most:
        raise invalid(
            f"Number of endpoints in the subscription has reached its limit of {most} in region {region}.",
            code=CALL_FAILED,
        )


def _wrong(message: str, target: str) -> ServiceError:
    return invalid(message, code="ValidationError", target=target)
