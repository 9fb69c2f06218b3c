"""What Azure Monitor refuses in an autoscale setting.

Source: Microsoft.Insights 2022-10-01, autoscale_API.json: the fields, their values and their limits; status and words
of a refusal are not documented.
"""

from datetime import datetime
from typing import Any

from infra.emulator.errors import ServiceError
from infra.emulator.iso_durations import seconds_of
from infra.emulator.monitor.profiles import DAYS
from infra.emulator.monitor.time_zones import time_zone
from infra.emulator.state.store import Document

MOST_PROFILES, MOST_RULES = 20, 10
MINUTE, HOUR, WEEK = 60, 3600, 7 * 86400
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
SPANS = {  # seconds
    "timeGrain": (MINUTE, 12 * HOUR, "between 1 minute and 12 hours"),
    "timeWindow": (5 * MINUTE, 12 * HOUR, "between 5 minutes and 12 hours"),
    "cooldown": (MINUTE, WEEK, "between 1 minute and 1 week"),
}


def check_setting(sent: Document) -> None:
    """400 for properties that break a rule."""
    profiles = _items(sent, "profiles", MOST_PROFILES)
    if not profiles:
        raise wrong("profiles", "needs at least one profile")
    if not isinstance(sent.get("enabled", False), bool):
        raise wrong("enabled", "must be true or false")
    if not isinstance(sent.get("targetResourceUri", ""), str):
        raise wrong("targetResourceUri", "must be the id of a resource")
    names = [_check_profile(profile) for profile in profiles]
    if len(set(names)) < len(names):
        raise wrong("profiles.name", "must be different in each profile")


def wrong(field: str, rule: str) -> ServiceError:
    """The refusal of a field."""
    return ServiceError(400, "BadRequest", f"The autoscale setting is invalid: {field} {rule}.")


def _check_profile(profile: Document) -> str:
    if not isinstance(profile.get("name"), str) or not profile["name"]:
        raise wrong("profiles.name", "is required")
    _check_capacity(profile.get("capacity"))
    for rule in _items(profile, "rules", MOST_RULES):
        _check_rule(rule)
    if profile.get("fixedDate") is not None:
        _check_fixed_date(profile["fixedDate"])
    if profile.get("recurrence") is not None:
        _check_recurrence(profile["recurrence"])
    return str(profile["name"])


def _check_capacity(capacity: Any) -> None:
    counts = capacity if isinstance(capacity, dict) else {}
    values = []
    for name in ("minimum", "maximum", "default"):
        if not isinstance(counts.get(name), str) or not counts[name].isdecimal():
            raise wrong(f"profiles.capacity.{name}", "must be a number written as a string")
        values.append(int(counts[name]))
    least, most, default = values
    if not least <= default <= most:
        raise wrong("profiles.capacity", "needs minimum <= default <= maximum")


def _check_rule(rule: Document) -> None:
    trigger = _check_parts(rule, "metricTrigger", TRIGGER)
    action = _check_parts(rule, "scaleAction", ("direction", "type", "cooldown"))
    if isinstance(trigger["threshold"], bool) or not isinstance(trigger["threshold"], int | float):
        raise wrong("profiles.rules.metricTrigger.threshold", "must be a number")
    if not isinstance(trigger.get("dividePerInstance") or False, bool):
        raise wrong("profiles.rules.metricTrigger.dividePerInstance", "must be true or false")
    value = action.get("value", "1")
    if not isinstance(value, str) or not value.isdecimal() or int(value) < 1:
        raise wrong("profiles.rules.scaleAction.value", "must be 1 or greater, written as a string")
    for dimension in trigger.get("dimensions") or []:
        _check_dimension(dimension)


def _check_dimension(dimension: Any) -> None:
    where = "profiles.rules.metricTrigger.dimensions"
    for name in ("DimensionName", "Operator", "Values"):
        if not isinstance(dimension, dict) or not dimension.get(name):
            raise wrong(f"{where}.{name}", "is required")
    if dimension["Operator"] not in ("Equals", "NotEquals"):
        raise wrong(f"{where}.Operator", "must be one of Equals, NotEquals")
    values = dimension["Values"]
    if not isinstance(values, list) or any(not isinstance(value, str) for value in values):
        raise wrong(f"{where}.Values", "must be an array of strings")


def _check_parts(rule: Document, part: str, required: tuple[str, ...]) -> Document:
    fields = rule.get(part)
    for name in required:
        if not isinstance(fields, dict) or fields.get(name) in (None, ""):
            raise wrong(f"profiles.rules.{part}.{name}", "is required")
        if name in CHOICES and fields[name] not in CHOICES[name]:
            raise wrong(f"profiles.rules.{part}.{name}", f"must be one of {', '.join(CHOICES[name])}")
        if name in SPANS:
            least, most, words = SPANS[name]
            if not least <= seconds_of(str(fields[name]), -1) <= most:
                raise wrong(f"profiles.rules.{part}.{name}", f"must be {words}, as in PT5M")
    return fields if isinstance(fields, dict) else {}


def _check_fixed_date(dates: Any) -> None:
    for name in ("start", "end"):
        try:
            datetime.fromisoformat(dates[name])
        except (KeyError, TypeError, ValueError):
            raise wrong(f"profiles.fixedDate.{name}", "must be a time in ISO 8601") from None
    _check_zone("fixedDate", dates.get("timeZone") or "UTC")


def _check_recurrence(recurrence: Any) -> None:
    if not isinstance(recurrence, dict) or recurrence.get("frequency") != "Week":
        raise wrong("profiles.recurrence.frequency", "must be Week")
    given = recurrence.get("schedule")
    schedule = given if isinstance(given, dict) else {}
    for name in ("timeZone", "days", "hours", "minutes"):
        if not schedule.get(name):
            raise wrong(f"profiles.recurrence.schedule.{name}", "is required")
    _check_zone("recurrence.schedule", schedule["timeZone"])
    if any(not isinstance(day, str) or day.lower() not in DAYS for day in schedule["days"]):
        raise wrong("profiles.recurrence.schedule.days", "must be Sunday through Saturday")
    for name, most in (("hours", 23), ("minutes", 59)):
        if any(type(value) is not int or not 0 <= value <= most for value in schedule[name]):
            raise wrong(f"profiles.recurrence.schedule.{name}", f"must be numbers from 0 to {most}")


def _check_zone(where: str, name: Any) -> None:
    if not isinstance(name, str) or time_zone(name) is None:
        raise wrong(f"profiles.{where}.timeZone", "must be the name that Windows has for a time zone")


def _items(holder: Document, name: str, most: int) -> list[Document]:
    items = holder.get(name)
    if not isinstance(items, list) or any(not isinstance(item, dict) for item in items):
        raise wrong(name, "must be an array of objects")
    if len(items) > most:
        raise wrong(name, f"may have at most {most} items")
    return items
