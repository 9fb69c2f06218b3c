"""The fields of `deployment.autoscale` in the YAML spec."""

from typing import Annotated, Literal

from msgspec import Meta

from infra.spec.check import Written
from infra.spec.durations import Duration


class AutoscaleSpec(Written, frozen=True, kw_only=True):
    """How many instances Azure Monitor may make of a deployment, and when."""

    min: Annotated[int, Meta(ge=1, le=50)] = 1
    max: Annotated[int, Meta(ge=1, le=50)]
    metric: Literal["requests", "latency", "gpu", "schedule"] = "requests"
    target: Annotated[str | None, Meta(description="What the metric is to stay at")] = None
    cool_down: Annotated[Duration, Meta(description="How long after one change the next may come")] = "5m"
    schedule: Annotated[str | None, Meta(description="When `max` instances run: `weekdays 8-18 Europe/Berlin`")] = None
