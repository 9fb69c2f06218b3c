"""From Azure's documents to the Azure ML YAML shape: durations, ids, casing."""

import re
from collections.abc import Mapping
from typing import Any

DURATION = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?")
ASSET_ID = re.compile(r".*/workspaces/[^/]+/(?P<collection>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)
PROBE_LENGTHS = {"initial_delay": "initialDelay", "period": "period", "timeout": "timeout"}
PROBE_COUNTS = {"success_threshold": "successThreshold", "failure_threshold": "failureThreshold"}


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
    lengths = {own: seconds(document.get(name)) for own, name in PROBE_LENGTHS.items()}
    counts = {own: document.get(name) for own, name in PROBE_COUNTS.items()}
    return {own: value for own, value in (lengths | counts).items() if value is not None}


def probe_settings(seconds_and_counts: Mapping[str, int]) -> dict[str, Any]:
    """A probe in Azure's own words: the reverse of `probe`."""
    given = seconds_and_counts
    lengths = {name: duration(given[own] * 1000) for own, name in PROBE_LENGTHS.items() if own in given}
    return lengths | {name: given[own] for own, name in PROBE_COUNTS.items() if own in given}


def without_nothing(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without fields that say nothing: Azure fills those in, and that is no drift."""
    return {name: value for name, value in state.items() if value not in (None, {}, [])}
