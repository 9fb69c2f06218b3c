"""What `deployment.autoscale` means as profiles of Azure Monitor, and what profiles mean in words.

Sources: Microsoft.Insights 2022-10-01; Azure Monitor "Supported metrics" and "Autoscale with multiple profiles".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from infra.resources.azure_shapes import seconds
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.durations import seconds_in
from infra.spec.schedule.words import DAYS, Schedule

GRAIN, WINDOW = "PT1M", "PT5M"  # Azure Monitor's shortest
ALWAYS, SCHEDULED = "always", "scheduled"
# In this form of name Azure Monitor's portal knows the profile that ends another one.
ENDING = json.dumps({"name": "Auto created default scale condition", "for": SCHEDULED}, separators=(",", ":"))
OTHERWISE = "otherwise"  # how people see it
IDLE_BELOW = 50.0  # percent of the time in which an instance works on at least one request
SHARE_TO_LEAVE = 0.5
"""Below this share of the target one instance less is enough: of two, the one that is left then has the target."""
SIGNS = {
    "Equals": "=",
    "NotEquals": "≠",
    "GreaterThan": ">",
    "GreaterThanOrEqual": "≥",
    "LessThan": "<",
    "LessThanOrEqual": "≤",
}
ACTIONS = {"Increase": "+", "Decrease": "-"}


class Scaled(Struct, frozen=True):
    """The deployment that is scaled: the ids of its endpoint and of itself, and whether its size has GPUs."""

    endpoint: str
    deployment: str
    gpu: bool

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.deployment.rpartition("/")[2]


def profiles(spec: AutoscaleSpec, scaled: Scaled) -> list[dict[str, Any]]:
    """The profiles: one for always, or one that begins at the scheduled times and one that ends it."""
    schedule, rules = spec.times, _rules(spec, scaled)
    if schedule is None:
        return [{"name": ALWAYS, "capacity": _capacity(spec.min, spec.max), "rules": rules}]
    least = spec.max if spec.metric == "schedule" else spec.min
    begin = {"name": SCHEDULED, "capacity": _capacity(least, spec.max), "rules": rules}
    end = {"name": ENDING, "capacity": _capacity(spec.min, spec.min), "rules": []}
    return [
        begin | _recurrence(schedule, schedule.days, schedule.begin),
        end | _recurrence(schedule, schedule.last_days, schedule.end),
    ]


def _capacity(least: int, most: int) -> dict[str, str]:
    return {"minimum": str(least), "maximum": str(most), "default": str(least)}


def _recurrence(schedule: Schedule, days: Sequence[str], minutes: int) -> dict[str, Any]:
    hour, minute = divmod(minutes, 60)
    times = {"timeZone": schedule.azure_zone, "days": list(days), "hours": [hour], "minutes": [minute]}
    return {"recurrence": {"frequency": "Week", "schedule": times}}


def _rules(spec: AutoscaleSpec, scaled: Scaled) -> list[dict[str, Any]]:
    """One rule that adds an instance above the target, and one that removes one."""
    if spec.metric == "schedule":
        return []
    target, pause = spec.threshold, f"PT{round(seconds_in(spec.cool_down))}S"
    if spec.metric == "requests":
        used = low = _of_endpoint(scaled, "RequestsPerMinute") | {"dividePerInstance": True}
    elif spec.metric == "latency":  # a low latency says nothing of the load, and at night there is none at all
        used, low = _of_endpoint(scaled, "RequestLatency_P95"), _of_instances(scaled)
    else:
        used = low = _of_instances(scaled)
    below = IDLE_BELOW if spec.metric == "latency" else target * SHARE_TO_LEAVE
    return [_rule(used, "GreaterThan", target, pause), _rule(low, "LessThan", below, pause)]


def _rule(metric: Mapping[str, Any], operator: str, threshold: float, pause: str) -> dict[str, Any]:
    direction = "Increase" if operator == "GreaterThan" else "Decrease"
    trigger = {
        **metric,
        "timeGrain": GRAIN,
        "statistic": "Average",
        "timeWindow": WINDOW,
        "timeAggregation": "Average",
        "operator": operator,
        "threshold": threshold,
    }
    action = {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": pause}
    return {"metricTrigger": trigger, "scaleAction": action}


def _of_endpoint(scaled: Scaled, metric: str) -> dict[str, Any]:
    """A metric of the endpoint, of which only the deployment's share counts."""
    only = {"DimensionName": "deployment", "Operator": "Equals", "Values": [scaled.name]}
    return {"metricName": metric, "metricResourceUri": scaled.endpoint, "dimensions": [only]}


def _of_instances(scaled: Scaled) -> dict[str, Any]:
    name = "GpuUtilizationPercentage" if scaled.gpu else "CpuUtilizationPercentage"
    return {"metricName": name, "metricResourceUri": scaled.deployment}


def in_words(profile: Mapping[str, Any]) -> dict[str, str]:
    """Everything that a profile says, by its parts: two that say the same have the same words."""
    rules = {f"rule {number}": _rule_words(rule) for number, rule in enumerate(profile.get("rules") or [], start=1)}
    times = _time_words(profile)
    return {"instances": _count_words(profile), **({"times": times} if times else {}), **rules}


def profile_name(name: str) -> str:
    """The name of a profile as people see it; the one that ends ours may be spaced as the portal writes it."""
    return OTHERWISE if _packed(name) == _packed(ENDING) else name


def _packed(name: str) -> str:
    return "".join(name.split())


def _count_words(profile: Mapping[str, Any]) -> str:
    capacity = profile.get("capacity") or {}
    least, most, default = (str(capacity.get(name)) for name in ("minimum", "maximum", "default"))
    return (least if least == most else f"{least} to {most}") + ("" if default == least else f", by default {default}")


def _time_words(profile: Mapping[str, Any]) -> str:
    if dates := profile.get("fixedDate"):
        return f"from {dates.get('start')} to {dates.get('end')} {dates.get('timeZone') or 'UTC'}"
    schedule = (profile.get("recurrence") or {}).get("schedule") or {}
    if not schedule:
        return ""
    hours, minutes = schedule.get("hours") or [], schedule.get("minutes") or []
    times = [f"{hour}:{minute:02}" for hour in hours for minute in minutes]
    return f"from {_day_words(schedule.get('days') or [])} {', '.join(times)} {schedule.get('timeZone')}"


def _day_words(days: Sequence[str]) -> str:
    """Days in short, three or more in a row as a range: `Mon-Fri`, `Sat, Sun`."""
    known = sorted(DAYS.index(day) for day in map(str, days) if day in DAYS)
    if len(known) == len(days) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{DAYS[known[0]][:3]}-{DAYS[known[-1]][:3]}"
    return ", ".join(str(day)[:3] for day in days)


def _rule_words(rule: Mapping[str, Any]) -> str:
    trigger, action = rule.get("metricTrigger") or {}, rule.get("scaleAction") or {}
    kind = {"ChangeCount": "", "PercentChangeCount": "%"}.get(str(action.get("type")), f" {action.get('type')}")
    change = f"{ACTIONS.get(str(action.get('direction')), '?')}{action.get('value', '1')}{kind}"
    metric = [str(trigger.get("metricName")), *(["per instance"] if trigger.get("dividePerInstance") else [])]
    where = [
        f"{each.get('DimensionName')} {SIGNS.get(each.get('Operator', ''), '?')} {'/'.join(each.get('Values') or [])}"
        for each in trigger.get("dimensions") or []
    ]
    of = str(trigger.get("metricResourceUri") or "").rstrip("/").lower().rpartition("/")[2]
    limit = f"{SIGNS.get(str(trigger.get('operator')), '?')} {float(trigger.get('threshold') or 0):g}"
    ways = [str(trigger.get(name)) for name in ("statistic", "timeAggregation")]
    ways += [_span(trigger.get(name)) for name in ("timeGrain", "timeWindow")]
    how = "" if ways == ["Average", "Average", _span(GRAIN), _span(WINDOW)] else f" ({' '.join(ways)})"
    pause = _span(action.get("cooldown"))
    return f"{change} if {' '.join(metric)} of {', '.join([of, *where])} {limit}{how}, then wait {pause}"


def _span(text: Any) -> str:
    """An ISO 8601 duration in one spelling: Azure may write PT300S as PT5M."""
    length = seconds(str(text or ""))
    if length is None:
        return str(text)
    return f"{length // 60}m" if length % 60 == 0 else f"{length}s"
