"""Converts durations, ids, names and probes between Azure's documents and the Azure ML YAML."""

import re
from collections.abc import Mapping
from typing import Any

DURATION = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?")
ASSET_ID = re.compile(r".*/workspaces/[^/]+/(?P<collection>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.I)
PROBE_LENGTHS = {"initial_delay": "initialDelay", "period": "period", "timeout": "timeout"}
PROBE_COUNTS = {"success_threshold": "successThreshold", "failure_threshold": "failureThreshold"}


def milliseconds(duration: str | None) -> int | None:
    """An ISO 8601 duration in milliseconds: 90000 for `PT1M30S`; None for anything else."""
    match = DURATION.fullmatch(duration or "")
    if not duration or not match:
        return None
    days, hours, minutes, seconds = (float(match[part] or 0) for part in ("days", "hours", "minutes", "seconds"))
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)


def seconds(duration: str | None) -> int | None:
    """An ISO 8601 duration in whole seconds: 90 for `PT1M30S`; None for anything else."""
    length = milliseconds(duration)
    return None if length is None else length // 1000


def duration(milliseconds: int) -> str:
    """Milliseconds as an ISO 8601 duration: `PT90S` for 90000."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"PT{seconds}.{rest:03}S" if rest else f"PT{seconds}S"


def asset_reference(id: str | None) -> str | None:
    """The resource id of an asset version as `azureml:NAME:VERSION`; anything else is returned unchanged."""
    match = ASSET_ID.fullmatch(id or "")
    return f"azureml:{match['name']}:{match['version']}" if match else id


def snake(name: str) -> str:
    """A name in snake case: `aml_token` for `AMLToken`, `system_assigned` for `SystemAssigned`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def pascal(name: str) -> str:
    """A name in Pascal case: `SystemAssigned` for `system_assigned`."""
    return re.sub(r"(^|,|_)([a-z])", lambda match: match[1].strip("_") + match[2].upper(), name)


def probe(document: Mapping[str, Any] | None) -> dict[str, int] | None:
    """A probe of Azure as seconds and counts, under the names of the Azure ML YAML; None where there is none."""
    if not document:
        return None
    lengths = {own: seconds(document.get(name)) for own, name in PROBE_LENGTHS.items()}
    counts = {own: document.get(name) for own, name in PROBE_COUNTS.items()}
    return {own: value for own, value in (lengths | counts).items() if value is not None}


def probe_settings(seconds_and_counts: Mapping[str, int]) -> dict[str, Any]:
    """A probe as Azure's document has it: the reverse of `probe`."""
    given = seconds_and_counts
    lengths = {name: duration(given[own] * 1000) for own, name in PROBE_LENGTHS.items() if own in given}
    return lengths | {name: given[own] for own, name in PROBE_COUNTS.items() if own in given}


def without_empty(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without empty fields, which Azure fills in or leaves out as it likes."""
    return {name: value for name, value in state.items() if value not in (None, {}, [])}
