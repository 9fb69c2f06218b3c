"""From Azure's documents to the Azure ML YAML shape: durations, ids, casing."""

import re
from collections.abc import Mapping
from typing import Any

DURATION = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?")
ASSET_ID = re.compile(r".*/workspaces/[^/]+/(?P<collection>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)


def milliseconds(duration: str | None) -> int | None:
    """`PT1M30S` as 90000."""
    match = DURATION.fullmatch(duration or "")
    if not duration or not match:
        return None
    days, hours, minutes, seconds = (float(match[part] or 0) for part in ("days", "hours", "minutes", "seconds"))
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)


def seconds(duration: str | None) -> int | None:
    """`PT1M30S` as 90."""
    found = milliseconds(duration)
    return None if found is None else found // 1000


def duration(milliseconds: int) -> str:
    """90000 as `PT90S`."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"PT{seconds}.{rest:03}S" if rest else f"PT{seconds}S"


def asset_reference(id: str | None) -> str | None:
    """An ARM id of a versioned asset as `azureml:NAME:VERSION`; anything else as it is."""
    match = ASSET_ID.fullmatch(id or "")
    return f"azureml:{match['name']}:{match['version']}" if match else id


def snake(name: str) -> str:
    """`AMLToken` as `aml_token`, `SystemAssigned` as `system_assigned`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def pascal(name: str) -> str:
    """`system_assigned` as `SystemAssigned`."""
    return re.sub(r"(^|,|_)([a-z])", lambda match: match[1].strip("_") + match[2].upper(), name)


def probe(document: Mapping[str, Any] | None) -> dict[str, int] | None:
    """A probe's seconds and counts."""
    if not document:
        return None
    found = {
        "initial_delay": seconds(document.get("initialDelay")),
        "period": seconds(document.get("period")),
        "timeout": seconds(document.get("timeout")),
        "success_threshold": document.get("successThreshold"),
        "failure_threshold": document.get("failureThreshold"),
    }
    return {name: value for name, value in found.items() if value is not None}


def probe_settings(seconds_and_counts: Mapping[str, int]) -> dict[str, Any]:
    """A probe in Azure's own words: the reverse of `probe`."""
    lengths = {"initialDelay": "initial_delay", "period": "period", "timeout": "timeout"}
    counts = {"successThreshold": "success_threshold", "failureThreshold": "failure_threshold"}
    found: dict[str, Any] = {
        name: duration(seconds_and_counts[own] * 1000) for name, own in lengths.items() if own in seconds_and_counts
    }
    return found | {name: seconds_and_counts[own] for name, own in counts.items() if own in seconds_and_counts}


def without_nothing(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without fields that say nothing: Azure fills those in, and that is no drift."""
    return {name: value for name, value in state.items() if value not in (None, {}, [])}
