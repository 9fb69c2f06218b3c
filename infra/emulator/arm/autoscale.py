"""Autoscale settings of Azure Monitor: stored and checked as Azure does; the emulator does not scale by itself.

Source: Microsoft.Insights 2022-10-01, autoscale_API.json.
"""

from typing import Any

from infra.emulator.arm.call import Call, Routes, envelope
from infra.emulator.arm.tags import string_map
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document, key_of

MOST_PROFILES, MOST_RULES = 20, 10
TRIGGER = (
    *("metricName", "metricResourceUri", "timeGrain", "statistic", "timeWindow", "timeAggregation", "operator"),
    "threshold",
)
CHOICES = {
    "statistic": ("Average", "Min", "Max", "Sum", "Count"),
    "timeAggregation": ("Average", "Minimum", "Maximum", "Total", "Count", "Last"),
    "operator": ("Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
    "direction": ("None", "Increase", "Decrease"),
    "type": ("ChangeCount", "PercentChangeCount", "ExactCount", "ServiceAllowedNextValue"),
}


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
    sent = body.get("properties")
    if not isinstance(sent, dict):
        raise _wrong("properties", "is required")
    _check(sent)
    existing = call.world.store.get(call.id)
    document = envelope(call, existing) | {
        "location": body["location"].lower().replace(" ", ""),
        "tags": string_map("tags", body.get("tags")),
        "properties": {"enabled": True, "notifications": [], "name": call.name, **sent},
    }
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, document)


def delete_setting(call: Call) -> Reply:
    """Remove a setting; what it targeted keeps its number of instances."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def _check(sent: Document) -> None:
    profiles = _items(sent, "profiles", MOST_PROFILES)
    if not profiles:
        raise _wrong("profiles", "needs at least one profile")
    if not isinstance(sent.get("enabled", True), bool):
        raise _wrong("enabled", "must be true or false")
    for profile in profiles:
        if not isinstance(profile.get("name"), str) or not profile["name"]:
            raise _wrong("profiles.name", "is required")
        _check_capacity(profile.get("capacity"))
        for rule in _items(profile, "rules", MOST_RULES):
            _check_parts(rule, "metricTrigger", TRIGGER)
            _check_parts(rule, "scaleAction", ("direction", "type", "cooldown"))


def _check_capacity(capacity: Any) -> None:
    counts = capacity if isinstance(capacity, dict) else {}
    values = []
    for name in ("minimum", "maximum", "default"):
        if not isinstance(counts.get(name), str) or not counts[name].isdecimal():
            raise _wrong(f"profiles.capacity.{name}", "must be a number written as a string")
        values.append(int(counts[name]))
    least, most, default = values
    if not least <= default <= most:
        raise _wrong("profiles.capacity", "needs minimum <= default <= maximum")


def _check_parts(rule: Document, part: str, required: tuple[str, ...]) -> None:
    fields = rule.get(part)
    for name in required:
        if not isinstance(fields, dict) or fields.get(name) in (None, ""):
            raise _wrong(f"profiles.rules.{part}.{name}", "is required")
        if name in CHOICES and fields[name] not in CHOICES[name]:
            raise _wrong(f"profiles.rules.{part}.{name}", f"must be one of {', '.join(CHOICES[name])}")


def _items(holder: Document, name: str, most: int) -> list[Document]:
    items = holder.get(name)
    if not isinstance(items, list) or any(not isinstance(item, dict) for item in items):
        raise _wrong(name, "must be an array of objects")
    if len(items) > most:
        raise _wrong(name, f"may have at most {most} items")
    return items


def _wrong(field: str, rule: str) -> ServiceError:
    return ServiceError(400, "BadRequest", f"The autoscale setting is invalid: {field} {rule}.")


ROUTES: Routes = {
    ("GET", "autoscalesettings"): list_settings,
    ("GET", "autoscalesettings/{}"): get_setting,
    ("PUT", "autoscalesettings/{}"): put_setting,
    ("DELETE", "autoscalesettings/{}"): delete_setting,
}
