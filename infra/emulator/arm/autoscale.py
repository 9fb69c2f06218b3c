"""Autoscale settings of Azure Monitor; `infra/emulator/monitor/autoscaler.py` acts on them.

Source: Microsoft.Insights 2022-10-01, autoscale_API.json.
"""

from infra.emulator.arm.autoscale_rules import check_setting, wrong
from infra.emulator.arm.call import Call, Routes, envelope
from infra.emulator.arm.tags import string_map
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.monitor.metrics import same
from infra.emulator.state.store import Document, key_of


def get_setting(call: Call) -> Reply:
    """One setting."""
    return Reply(body=call.resource())


def list_settings(call: Call) -> Reply:
    """The settings of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = call.world.store.of_type("autoscaleSettings")
    return Reply(body={"value": [item for item in found if key_of(item["id"]).startswith(f"{scope}/")]})


def put_setting(call: Call) -> Reply:
    """Create or replace a setting."""
    body = call.object_body()
    if not isinstance(body.get("location"), str) or not body["location"]:
        raise ServiceError(400, "LocationRequired", "The location property is required for this definition.")
    sent = _checked(call, body.get("properties"))
    existing = call.world.store.get(call.id)
    document = envelope(call, existing) | {
        "location": body["location"].lower().replace(" ", ""),
        "tags": string_map("tags", body.get("tags")),
        "properties": {"enabled": False, "notifications": [], "name": call.name, **sent},
    }
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, document)


def patch_setting(call: Call) -> Reply:
    """Replace the tags or the properties of a setting."""
    body, document = call.object_body(), call.resource()
    if "tags" in body:
        document["tags"] = string_map("tags", body["tags"])
    if "properties" in body:
        document["properties"] |= _checked(call, body["properties"])
    call.world.store.put(call.id, document)
    return Reply(body=document)


def delete_setting(call: Call) -> Reply:
    """Remove a setting; what it targeted keeps its number of instances."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def _checked(call: Call, sent: object) -> Document:
    """The properties; 400 where they break a rule, 409 where another setting has the same target."""
    if not isinstance(sent, dict):
        raise wrong("properties", "is required")
    check_setting(sent)
    if target := sent.get("targetResourceUri"):
        for other in call.world.store.of_type("autoscaleSettings"):
            theirs = other["properties"].get("targetResourceUri") or ""
            if same(theirs, target) and not same(other["id"], call.id):
                message = f"The resource {target} already has the autoscale setting '{other['name']}'."
                raise ServiceError(409, "Conflict", message)
    return sent


ROUTES: Routes = {
    ("GET", "autoscalesettings"): list_settings,
    ("GET", "autoscalesettings/{}"): get_setting,
    ("PUT", "autoscalesettings/{}"): put_setting,
    ("PATCH", "autoscalesettings/{}"): patch_setting,
    ("DELETE", "autoscalesettings/{}"): delete_setting,
}
