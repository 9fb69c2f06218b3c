"""Objectives: limits for what a summary says, and which of them it breaks."""

import math

from msgspec import Struct

from infra.errors import GateliftError
from infra.load.summary import Summary
from infra.spec.durations import fraction_in, seconds_in
from infra.spec.names import RuleBroken
from infra.spec.rollout import SloSpec

LIMITED = tuple(f"{what}_{which}" for what in ("ttft", "gap", "seconds") for which in ("p50", "p95", "p99"))
RATE = "error_rate"


class Breach(Struct, frozen=True):
    """A limit that was not kept; seconds, or a share from 0 to 1. `seen` is nan where nothing was to be measured."""

    name: str
    limit: float
    seen: float

    def __str__(self) -> str:
        return f"{self.name} {shown(self.name, self.seen)}, limit {shown(self.name, self.limit)}"


def read_slo(text: str) -> dict[str, float]:
    """The limits in `ttft_p95=800ms,error_rate=1%`: seconds and shares by name."""
    limits: dict[str, float] = {}
    for part in (each.strip() for each in text.split(",") if each.strip()):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in (*LIMITED, RATE):
            hint = f"names are those of `rollout.slo` in the spec: {', '.join((*LIMITED, RATE))}"
            raise GateliftError(f"--slo {part}: there is no objective {name}", hint=hint, code="invalid_slo")
        try:
            limits[name] = fraction_in(value) if name == RATE else seconds_in(value)
        except RuleBroken as broken:
            hint = "for example `--slo ttft_p95=800ms,gap_p95=60ms,error_rate=1%`"
            raise GateliftError(f"--slo {part}: {broken}", hint=hint, code="invalid_slo") from None
    return limits


def limits_of(slo: SloSpec) -> dict[str, float]:
    """The limits of a spec's `rollout.slo`."""
    named = {name: getattr(slo, name) for name in slo.__struct_fields__}
    return {
        name: fraction_in(value) if name == RATE else seconds_in(value)
        for name, value in named.items()
        if value is not None and name in (*LIMITED, RATE)
    }


def breaches(summary: Summary, limits: dict[str, float]) -> tuple[Breach, ...]:
    """The limits that a summary does not keep; one that cannot be measured for want of answers counts as broken."""
    found = [Breach(name, limit, float(getattr(summary, name))) for name, limit in limits.items()]
    return tuple(each for each in found if not each.seen <= each.limit and not _one_token(each, summary))


def _one_token(breach: Breach, summary: Summary) -> bool:
    """Whether there are no gaps only because answers of one piece have none."""
    return breach.name.startswith("gap") and math.isnan(breach.seen) and summary.failed < summary.requests


def shown(name: str, value: float) -> str:
    """A value for people: milliseconds or seconds, or percent for `error_rate`."""
    if math.isnan(value):
        return "–"
    if name == RATE:
        return f"{value * 100:.3g} %"
    return f"{value:.4g} s" if value >= 10 else f"{value * 1000:.4g} ms"
