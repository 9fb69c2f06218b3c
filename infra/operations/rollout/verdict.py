"""What was seen in a step, in words, and whether it breaks a limit."""

import math
from collections.abc import Sequence

from infra.operations.rollout.evidence import Evidence, Limit
from infra.operations.rollout.sides import Side

SOURCES = {"server": "its server's metrics", "asked": "our own requests"}


def breach(new: Side, old: Side, limits: Sequence[Limit], chance: float) -> str:
    """Which limit the new deployment breaks, with the numbers; empty for none."""
    for limit in limits:
        before = old.evidence(limit)
        for source, seen in new.evidence(limit).items():
            if seen.breaks(limit, chance):
                return _broken(limit, source, seen, before.get(source), old.name)
    return ""


def _broken(limit: Limit, source: str, seen: Evidence, before: Evidence | None, old: str) -> str:
    said = f"{limit.name} {amount(limit, seen.value)}, limit {limit.written} ({seen.over} of {seen.cases} over it"
    if limit.name == "error_rate":
        said = f"error_rate {amount(limit, seen.value)}, limit {limit.written} ({seen.over} of {seen.cases} failed"
    said += f" by {SOURCES[source]}"
    if before is None:
        return f"{said}; of {old} nothing was seen)"
    said += f"; {old}: {amount(limit, before.value)}, {before.over} of {before.cases})"
    return (
        f"{said}; {old} is over it, too: the limit, or what both use, may be the cause"
        if before.exceeds(limit)
        else said
    )


def table(new: Side, old: Side, limits: Sequence[Limit]) -> list[str]:
    """Both deployments side by side, a line for each limit."""
    return [
        f"{limit.name:<10}  {_cell(new, limit)}  |  {_cell(old, limit)}  |  limit {limit.written}" for limit in limits
    ]


def _cell(side: Side, limit: Limit) -> str:
    found = side.evidence(limit)
    server, asked = found.get("server"), found.get("asked")
    told = f"server {amount(limit, server.value)} of {server.cases}" if server else "server says nothing"
    own = f"asked {amount(limit, asked.value)} of {asked.cases}" if asked else "not asked"
    return f"{side.name}: {told}, {own}"


def summary(new: Side, limits: Sequence[Limit]) -> str:
    """The new deployment's values in a few words; a limit over which it is by chance, or of which nothing was seen."""
    return ", ".join(_summed(new, limit) for limit in limits)


def _summed(new: Side, limit: Limit) -> str:
    found = new.evidence(limit)
    if not found:
        return f"{limit.name} not seen"
    worst = max(found.values(), key=lambda seen: seen.value)
    few = " (over the limit, but too few to tell)" if any(seen.exceeds(limit) for seen in found.values()) else ""
    return f"{limit.name} {amount(limit, worst.value)}{few}"


def amount(limit: Limit, value: float) -> str:
    """A value of the limit's kind with its unit."""
    if math.isnan(value):
        return "unknown"
    if limit.name == "error_rate":
        return f"{100 * value:.3g} %"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"
