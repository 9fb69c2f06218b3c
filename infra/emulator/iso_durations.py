"""Durations as ARM writes them (`PT1M30S`) and as the emulator counts them, in seconds."""

import re

DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def seconds_of(duration: str | None, default: float) -> float:
    """Seconds of an ISO 8601 duration; `default` where there is none or it cannot be read."""
    match = DURATION.fullmatch(duration or "")
    parts = {unit: value for unit, value in match.groupdict().items() if value} if match else {}
    if not parts:
        return default
    return sum(SECONDS[unit] * float(value) for unit, value in parts.items())
