"""What was seen in a step, in words, and whether it breaks a limit."""

import math
from collections.abc import Sequence

from infra.operations.rollout.evidence import AT_THE_END, EARLY, Evidence, Limit
from infra.operations.rollout.sides import Side

FEWEST = 10  # requests, before times are judged early
SOURCES = {"server": "its server's metrics", "asked": "our own requests"}


def breach(new: Side, old: Side, limits: Sequence[Limit], *, early: bool = False) -> str:
    """Which limit the new deployment breaks, with the numbers; empty for none.

    `early`: the step is still watched, so that more has to be shown, and times only after some requests: a machine that
    is busy for a moment slows several answers in a row.
    """
    chance = EARLY if early else AT_THE_END
    few = max(len(new.samples), new.counted.ttft.total) < FEWEST
    for limit in limits:
        if early and few and limit.seconds:
            continue
        before = old.evidence(limit)
        for source, seen in new.evidence(limit).items():
            if _blames(limit, seen, before.get(source), chance):
                return _broken(limit, source, seen, before.get(source), old.name)
    return ""


def _blames(limit: Limit, seen: Evidence, before: Evidence | None, chance: float) -> bool:
    if not seen.breaks(limit, chance):
        return False
    return before is None or not before.exceeds(limit) or seen.worse_than(before, chance)


def _broken(limit: Limit, source: str, seen: Evidence, before: Evidence | None, old: str) -> str:
    what = "over it" if limit.seconds else "failed"
    said = f"{limit.name} {amount(limit, seen.value)}, limit {limit.written} ({seen.over} of {seen.cases} {what} by "
    said += SOURCES[source]
    if before is None:
        return f"{said}; of {old} nothing was seen)"
    return f"{said}; {old}: {amount(limit, before.value)}, {before.over} of {before.cases})"


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


def summary(new: Side, old: Side, limits: Sequence[Limit]) -> str:
    """The new deployment's values in a few words, and why one that is over its limit is no breach."""
    return ", ".join(_summed(new, old, limit) for limit in limits)


def _summed(new: Side, old: Side, limit: Limit) -> str:
    found, before = new.evidence(limit), old.evidence(limit)
    if not found:
        return f"{limit.name} not seen"
    worst = max(found.values(), key=lambda seen: seen.value)
    over = [source for source, seen in found.items() if seen.exceeds(limit)]
    why = ""
    if any(found[source].breaks(limit, AT_THE_END) for source in over):
        why = f" (over the limit, but so is {old.name})"
    elif over and any(source in before and before[source].exceeds(limit) for source in over):
        why = f" (over the limit, as {old.name} is)"
    elif over:
        why = " (over the limit, but too few to tell)"
    return f"{limit.name} {amount(limit, worst.value)}{why}"


def amount(limit: Limit, value: float) -> str:
    """A value of the limit's kind with its unit."""
    if math.isnan(value):
        return "unknown"
    if limit.name == "error_rate":
        return f"{100 * value:.3g} %"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"
