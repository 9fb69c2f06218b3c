"""The fields of `rollout` in the YAML spec."""

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated

from msgspec import Meta

from infra.spec.check import Written
from infra.spec.durations import Duration, Percentage, seconds_in
from infra.spec.names import RuleBroken, RulesBroken

ALL = 100
LONGEST_PAUSE = 24 * 3600.0  # seconds


class SloSpec(Written, frozen=True, kw_only=True):
    """What a new deployment has to keep to; a limit that is left out is not judged, but for that of errors."""

    ttft_p95: Annotated[Duration | None, Meta(description="Time to the first token, of 95 % of the requests")] = None
    gap_p95: Annotated[Duration | None, Meta(description="Time between two tokens, in 95 % of the cases")] = None
    error_rate: Annotated[Percentage, Meta(description="Share of the requests that fail")] = "1%"

    def check(self, written: Collection[str]) -> None:
        """A time can be kept to only if it is longer than nothing."""
        times = {"ttft_p95": self.ttft_p95, "gap_p95": self.gap_p95}
        never = [name for name, time in times.items() if time is not None and not seconds_in(time)]
        if never:
            raise RulesBroken(
                {name: RuleBroken("must be longer than 0", "for example `800ms`; or delete it") for name in never}
            )


class RolloutSpec(Written, frozen=True, kw_only=True):
    """How requests move to a new deployment: in steps, each of which is judged."""

    canary: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=ALL)], ...],
        Meta(min_length=1, description="Its share of the requests, step by step, in %; 100 always is the last step"),
    ] = (5, 25, ALL)
    pause: Annotated[Duration, Meta(description="How long each step is watched")] = "5m"
    slo: SloSpec = SloSpec()
    mirror: Annotated[
        Annotated[int, Meta(ge=1, le=50)] | None,
        Meta(description="Share of the requests in % that it gets as copies before the first step"),
    ] = None
    try_again: Annotated[
        bool, Meta(description="Try a version again that was moved back, from the first step, instead of refusing it")
    ] = False

    @property
    def steps(self) -> tuple[int, ...]:
        """The shares in percent, up to 100."""
        return self.canary if self.canary[-1] == ALL else (*self.canary, ALL)

    def check(self, written: Collection[str]) -> None:
        """The steps go up, and a pause ends within a day."""
        broken = {}
        if any(later <= earlier for earlier, later in pairwise(self.canary)):
            shown = ", ".join(map(str, sorted(set(self.canary))))
            broken["canary"] = RuleBroken("must go up from step to step", f"for example `[{shown}]`")
        if seconds_in(self.pause) > LONGEST_PAUSE:
            broken["pause"] = RuleBroken("must not be longer than a day", "for example `5m`")
        if broken:
            raise RulesBroken(broken)
