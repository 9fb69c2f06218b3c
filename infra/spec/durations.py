"""Durations, shares and sizes as people write them in a spec: `5m`, `800ms`, `2h`, `1%`."""

import re
from typing import Annotated

from msgspec import Meta

from infra.spec.names import RuleBroken

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h|d)")
AS_DURATION, AS_PERCENTAGE = "for example `5m` or `800ms`", "for example `1%`"
PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,3})?) ?%")


def seconds_in(text: str) -> float:
    """The seconds of a duration such as `5m` or `800ms`; raises `RuleBroken` for anything else."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise RuleBroken("must be a duration: a number with ms, s, m, h or d", AS_DURATION)
    return float(match[1]) * UNITS[match[2]]


def fraction_in(text: str) -> float:
    """The fraction, from 0 to 1, of a percentage such as `1%`; raises `RuleBroken` for anything else."""
    match = PERCENT.fullmatch(text)
    if match is None or float(match[1]) > 100:
        raise RuleBroken("must be a percentage from 0% to 100%", AS_PERCENTAGE)
    return float(match[1]) / 100


def _duration(text: str) -> str:
    seconds_in(text)
    return text


def _percentage(text: str) -> str:
    fraction_in(text)
    return text


Duration = Annotated[
    str, Meta(pattern=f"^{DURATION.pattern}$", examples=["5m", "800ms"], extra={"rule": _duration, "hint": AS_DURATION})
]
Percentage = Annotated[
    str, Meta(pattern=f"^{PERCENT.pattern}$", examples=["1%"], extra={"rule": _percentage, "hint": AS_PERCENTAGE})
]
