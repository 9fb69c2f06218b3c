"""Decides how many instances a profile's rules ask for, as Azure Monitor does, from numbers alone.

Sources: Microsoft.Insights 2022-10-01 (the fields); Azure Monitor "Understand autoscale settings" (out if any rule
says so, in only if all of them do, the most instances where several say so) and "Flapping in autoscale".
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from infra.emulator.iso_durations import seconds_of
from infra.emulator.state.store import Document

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}


@dataclass(frozen=True)
class Decision:
    """How many instances there are to be, and why."""

    count: int
    reason: str


@dataclass(frozen=True)
class Situation:
    """The instances there are, what each rule's metric says (None: nothing), and seconds since the last change."""

    count: int
    value: Callable[[Document], float | None]
    since_change: float = math.inf


def decide(profile: Document, now: Situation) -> Decision | None:
    """What to change; None for nothing."""
    capacity = {name: int(profile["capacity"][name]) for name in ("minimum", "maximum", "default")}
    if now.count < capacity["minimum"]:
        return Decision(capacity["minimum"], f"fewer than the minimum of {profile['name']}")
    if now.count > capacity["maximum"]:
        return Decision(capacity["maximum"], f"more than the maximum of {profile['name']}")
    values = [now.value(rule["metricTrigger"]) for rule in profile["rules"]]
    if values and all(value is None for value in values) and now.count < capacity["default"]:
        return Decision(capacity["default"], "no metric can be read: the default")
    rules = list(zip(profile["rules"], values, strict=True))
    out = [rule for rule, value in rules if _direction(rule) == "Increase" and _holds(rule, value)]
    ins = [(rule, value) for rule, value in rules if _direction(rule) == "Decrease"]
    if out:
        ready = [rule for rule in out if _cooled(rule, now)]
        wanted = max((_target(rule, now.count) for rule in ready), default=now.count)
        count = min(wanted, capacity["maximum"])
        return Decision(count, _words(out, rules)) if count > now.count else None
    if not ins or not all(_holds(rule, value) and _cooled(rule, now) for rule, value in ins):
        return None
    lowest = max(max(_target(rule, now.count) for rule, _ in ins), capacity["minimum"])
    for count in range(lowest, now.count):
        if not any(_would_hold(rule, value, now.count, count) for rule, value in rules):
            return Decision(count, _words([rule for rule, _ in ins], rules))
    return None


def _direction(rule: Document) -> str:
    return str(rule["scaleAction"]["direction"])


def _holds(rule: Document, value: float | None) -> bool:
    trigger = rule["metricTrigger"]
    return value is not None and OPERATORS[trigger["operator"]](value, float(trigger["threshold"]))


def _cooled(rule: Document, now: Situation) -> bool:
    return now.since_change >= seconds_of(rule["scaleAction"]["cooldown"], 0.0)


def _target(rule: Document, count: int) -> int:
    action = rule["scaleAction"]
    value, sign = int(action.get("value") or 1), 1 if action["direction"] == "Increase" else -1
    if action["type"] == "ExactCount":
        return value
    if action["type"] == "PercentChangeCount":
        return count + sign * max(1, math.floor(count * value / 100))
    return count + sign * value


def _would_hold(rule: Document, value: float | None, before: int, after: int) -> bool:
    """Whether a rule that scales out would do so at once with fewer instances, each of which then does more."""
    if _direction(rule) != "Increase" or value is None:
        return False
    trigger = rule["metricTrigger"]
    shared = trigger.get("dividePerInstance") or trigger["metricName"].endswith("UtilizationPercentage")
    return _holds(rule, value * before / after if shared else value)


def _words(chosen: list[Document], rules: list[tuple[Document, float | None]]) -> str:
    values = {id(rule): value for rule, value in rules}
    return " and ".join(
        f"{rule['metricTrigger']['metricName']} {values[id(rule)]:g} {rule['metricTrigger']['operator']} "
        f"{rule['metricTrigger']['threshold']:g}"
        for rule in chosen
    )
