"""Azure Monitor's autoscaler: every minute of its clock it looks at the enabled settings and changes instances."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from infra.emulator.iso_durations import seconds_of
from infra.emulator.monitor.clock import MINUTE
from infra.emulator.monitor.evaluation import Decision, Situation, decide
from infra.emulator.monitor.metrics import Condition, Point, Query, aggregate, find_metric
from infra.emulator.monitor.profiles import active_profile
from infra.emulator.state.store import Document, key_of
from infra.emulator.world import World

logger = logging.getLogger("gatelift.emulator")
LONGEST_LEAP = 14 * 24 * 60 * MINUTE  # a clock that was set further ahead is followed from there
Scale = Callable[[str, int], Awaitable[str]]
"""Gives a deployment so many instances and waits; returns why that was refused or failed, empty where it worked."""


class Autoscaler:
    """Follows Azure Monitor's clock; each minute that was leapt over is looked at, too."""

    def __init__(self, world: World, scale: Scale) -> None:
        self._world = world
        self._scale = scale
        self._changed: dict[str, float] = {}

    async def run(self) -> None:
        """Look at every minute until canceled."""
        clock = self._world.recorder.clock
        last = math.floor(clock.now() / MINUTE) * MINUTE
        while True:
            await asyncio.sleep(clock.pause())
            now = clock.now()
            last = max(min(last, now), now - LONGEST_LEAP)  # it may have been set back, or far ahead
            while last + MINUTE <= clock.now():
                last += MINUTE
                try:
                    await self.minute(last)
                except Exception:  # one minute must not end all of them
                    logger.exception("autoscale")
                self._world.recorder.looked_until = last
                await asyncio.sleep(0)

    async def minute(self, moment: float) -> None:
        """Note the instances of each deployment, then act on each enabled setting as of the end of a minute."""
        store, recorder = self._world.store, self._world.recorder
        running = {key_of(each["id"]): each for each in store.of_type("deployments")}
        for document in running.values():
            recorder.sample(document["id"], moment, len(self._world.host.ready(document["id"])))
        for setting in store.of_type("autoscaleSettings"):
            properties = setting["properties"]
            document = running.get(key_of(properties.get("targetResourceUri") or "")) or {}
            if properties.get("enabled") and document.get("properties", {}).get("provisioningState") == "Succeeded":
                await self._act(setting, document, moment)

    async def _act(self, setting: Document, document: Document, moment: float) -> None:
        key, count = key_of(document["id"]), int(document["sku"]["capacity"])
        profile = active_profile(setting["properties"]["profiles"], moment)
        if profile is None:
            return
        since = moment - self._changed.get(key, -math.inf)
        situation = Situation(count, lambda trigger: self._value(trigger, moment, count), since)
        if (decision := decide(profile, situation)) is not None:
            await self._change(setting, document, decision, moment)

    async def _change(self, setting: Document, document: Document, decision: Decision, moment: float) -> None:
        failure = await self._scale(document["id"], decision.count)
        if not failure:
            self._changed[key_of(document["id"])] = moment
        self._world.recorder.note(
            {
                "time": datetime.fromtimestamp(moment, UTC).isoformat(),
                "setting": setting["name"],
                "deployment": document["id"],
                "before": int(document["sku"]["capacity"]),
                "after": decision.count,
                "reason": decision.reason,
                "failure": failure,
            }
        )

    def _value(self, trigger: Document, moment: float, count: int) -> float | None:
        """What the trigger's metric says at a moment; None where nothing was measured."""
        metric = find_metric(trigger["metricResourceUri"], trigger["metricName"])
        if metric is None:
            return None
        window, grain = seconds_of(trigger["timeWindow"], 300), seconds_of(trigger["timeGrain"], MINUTE)
        query = Query(self._world, trigger["metricResourceUri"], metric)
        split = ("instanceId",) if "instanceId" in metric.dimensions else ()
        series = query.series(moment - window, moment, split, _condition(trigger))
        grains: dict[int, list[float]] = {}
        for points in series.values():
            for number, values in _by_grain(points, grain).items():
                grains.setdefault(number, []).append(aggregate(values, "Average"))
        if not grains:
            return None
        combined = [aggregate(grains[number], trigger["statistic"]) for number in sorted(grains)]
        value = aggregate(combined, trigger["timeAggregation"])
        return value / count if trigger.get("dividePerInstance") else value


def _by_grain(points: list[Point], grain: float) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for point in points:
        found.setdefault(int(point.minute // grain), []).append(point.aggregate("Average"))
    return found


def _condition(trigger: Document) -> Condition:
    """Whether the dimensions of a value are those that the trigger names."""
    wanted = [
        ({value.lower() for value in each["Values"]}, each["Operator"] == "Equals", each["DimensionName"])
        for each in trigger.get("dimensions") or []
    ]

    def holds(dimensions: Mapping[str, str]) -> bool:
        known = {name.lower(): value.lower() for name, value in dimensions.items()}
        return all((known.get(name.lower(), "") in values) == equal for values, equal, name in wanted)

    return holds
