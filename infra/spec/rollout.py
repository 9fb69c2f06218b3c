"""The fields of `rollout` in the YAML spec."""

from typing import Annotated

from msgspec import Meta

from infra.spec.check import Written
from infra.spec.durations import Duration, Percentage


class SloSpec(Written, frozen=True, kw_only=True):
    """What a new deployment has to keep to; a limit that is left out is not judged."""

    ttft_p95: Annotated[Duration | None, Meta(description="Time to the first token, of 95 % of the requests")] = None
    gap_p95: Annotated[Duration | None, Meta(description="Time between two tokens, in 95 % of the cases")] = None
    error_rate: Annotated[Percentage | None, Meta(description="Share of the requests that fail")] = None


class RolloutSpec(Written, frozen=True, kw_only=True):
    """How requests move to a new deployment: in steps, each of which is judged."""

    canary: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=100)], ...],
        Meta(description="Its share of the requests, step by step, in %"),
    ] = (5, 25, 100)
    pause: Annotated[Duration, Meta(description="How long each step is watched")] = "5m"
    slo: SloSpec = SloSpec()
    mirror: Annotated[
        Annotated[int, Meta(ge=1, le=50)] | None,
        Meta(description="Share of the requests in % that it gets as copies before the first step"),
    ] = None
