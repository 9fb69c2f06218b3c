"""The fields of `deployment.autoscale` in the YAML spec."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal

from msgspec import Meta

from infra.spec.check import Written
from infra.spec.durations import Duration, fraction_in, seconds_in
from infra.spec.names import RuleBroken, checked_by
from infra.spec.schedule.words import NotUnderstood, Schedule, read_schedule

NUMBER = re.compile(r"\d{1,7}(\.\d{1,3})?")
SHORTEST, LONGEST = 60, 7 * 86400  # seconds that Azure Monitor allows between two changes
GPU_TARGET = "70%"
GUESS = {
    "requests": "the requests a minute that one instance can take, such as `60`: `gatelift bench` measures them",
    "latency": "the time within which 95 % of the requests are to be answered, such as `8s`",
    "gpu": f"a percentage such as `{GPU_TARGET}`",
}


def _as_text(target: Any) -> str | None:
    if isinstance(target, bool) or not isinstance(target, str | int | float | None):
        raise RuleBroken("must be a number, a duration or a percentage", "for example `60`, `8s` or `70%`")
    return target if target is None else str(target).strip()


def _schedule(words: str) -> str:
    try:
        read_schedule(words)
    except NotUnderstood as error:
        raise RuleBroken(str(error), error.hint) from None
    return words


Target = Annotated[Any, Meta(extra_json_schema={"type": ["string", "number", "null"]}), checked_by(_as_text)]


class AutoscaleSpec(Written, frozen=True, kw_only=True):
    """How many instances Azure Monitor may make of a deployment, and when."""

    min: Annotated[int, Meta(ge=1, le=50, description="Fewest instances; a managed endpoint has no zero")] = 1
    max: Annotated[int, Meta(ge=1, le=50, description="Most instances; the quota is checked for them")]
    metric: Annotated[
        Literal["requests", "latency", "gpu", "schedule"],
        Meta(description="What decides; `schedule` makes it `max` instances at these times, else `min`"),
    ] = "requests"
    target: Annotated[
        Target,
        Meta(
            description="One instance more above it, one fewer below half of it. `requests`: a minute and instance, "
            "such as 60; `latency`: of 95 % of the requests, such as 8s; `gpu`: busy, by default 70%"
        ),
    ] = None
    cool_down: Annotated[Duration, Meta(description="How long after one change the next may come")] = "5m"
    schedule: Annotated[
        Annotated[str, checked_by(_schedule)] | None,
        Meta(description="Scale at these times only, and have `min` at all others: `weekdays 8-18 Europe/Berlin`"),
    ] = None

    def check(self, written: Collection[str]) -> None:
        """The fields agree with each other and with the metric."""
        if self.min > self.max:
            raise RuleBroken(f"min {self.min} is more than max {self.max}", "lower `min`, or raise `max`")
        if not SHORTEST <= seconds_in(self.cool_down) <= LONGEST:
            raise RuleBroken(f"cool_down {self.cool_down} is not from 1m to 7d", "Azure Monitor takes from 1m to 7d")
        if self.metric == "schedule":
            if self.schedule is None:
                raise RuleBroken("metric is schedule, but there is none", "add `schedule: weekdays 8-18 Europe/Berlin`")
            if self.target is not None:
                raise RuleBroken("target means nothing with the metric schedule", "delete `target`")
            return
        if self.target is None and self.metric != "gpu":
            raise RuleBroken(f"target is missing for the metric {self.metric}", f"add `target:`, {GUESS[self.metric]}")
        try:
            self.threshold  # noqa: B018 it raises where the target is none
        except RuleBroken:
            message = f"target {self.target!r} does not fit the metric {self.metric}"
            raise RuleBroken(message, f"write {GUESS[self.metric]}") from None

    @property
    def threshold(self) -> float:
        """The target as Azure's metric counts it: requests a minute and instance, milliseconds, or percent."""
        target = str(self.target)
        if self.metric == "latency":
            if not (seconds := seconds_in(target)):
                raise RuleBroken("must be more than 0s", GUESS["latency"])
            return seconds * 1000
        if self.metric == "gpu":
            percent = round(fraction_in(GPU_TARGET if self.target is None else target) * 100, 3)
            if not 0 < percent < 100:  # nothing is ever above 100 %
                raise RuleBroken("must be between 0% and 100%", GUESS["gpu"])
            return percent
        if not NUMBER.fullmatch(target) or not float(target):
            raise RuleBroken("must be a number above 0", GUESS["requests"])
        return float(target)

    @property
    def times(self) -> Schedule | None:
        """The times of the week at which it scales; None for always."""
        return read_schedule(self.schedule) if self.schedule else None
