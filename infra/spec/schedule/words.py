"""Reads times of the week such as `weekdays 8-18 Europe/Berlin`."""

import re

from msgspec import Struct

from infra.spec.schedule.time_zones import iana_name, near, windows_name

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GROUPS = {"daily": DAYS, "weekdays": DAYS[:5], "weekends": DAYS[5:]}
SHORT = {day[:3].lower(): index for index, day in enumerate(DAYS)}
DAY = 24 * 60  # minutes
FORM = re.compile(r"(?P<days>\S+) +(?P<begin>[\d:]+)-(?P<end>[\d:]+) +(?P<zone>\S+)")
TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?")
EXAMPLE = "for example `weekdays 8-18 Europe/Berlin`, `daily 7:30-22 UTC` or `mon-thu,sat 22-6 America/New_York`"


class NotUnderstood(ValueError):
    """Raised for words that are no times of the week; `hint` says what to write."""

    def __init__(self, message: str, hint: str = EXAMPLE) -> None:
        super().__init__(message)
        self.hint = hint


class Schedule(Struct, frozen=True):
    """A part of some days of the week, in minutes after midnight; an `end` not after `begin` is on the next day."""

    days: tuple[str, ...]
    begin: int
    end: int
    zone: str
    """The IANA name."""

    @property
    def azure_zone(self) -> str:
        """Azure Monitor's name of the time zone."""
        return windows_name(self.zone)

    @property
    def last_days(self) -> tuple[str, ...]:
        """The days on which it ends; of whole days in a row, that after the last."""
        if self.end > self.begin:
            return self.days
        after = tuple(DAYS[(DAYS.index(day) + 1) % 7] for day in self.days)
        return tuple(day for day in after if self.end < self.begin or day not in self.days)


def read_schedule(words: str) -> Schedule:
    """The schedule that these words mean; raises `NotUnderstood`."""
    match = FORM.fullmatch(words.strip())
    if match is None:
        raise NotUnderstood("must be days, hours and a time zone")
    zone = match["zone"]
    if not windows_name(zone):
        close = near(zone)
        hint = f"did you mean {' or '.join(close)}?" if close else "write an IANA name, such as Europe/Berlin or UTC"
        raise NotUnderstood(f"there is no time zone {zone!r}", hint)
    begin, end = _minutes(match["begin"]), _minutes(match["end"])
    if begin in (DAY, end):
        raise NotUnderstood("must begin before it ends", "for whole days, write `0-24`")
    days = _days(match["days"].lower())
    if (begin, end, days) == (0, DAY, DAYS):
        raise NotUnderstood("is all day", "for the whole day, leave `schedule` out and set `min`")
    return Schedule(days, begin, end % DAY, iana_name(zone))


def _days(words: str) -> tuple[str, ...]:
    found: set[int] = set()
    for part in words.split(","):
        first, _, last = part.partition("-")
        if part in GROUPS:
            found |= {DAYS.index(day) for day in GROUPS[part]}
        elif first[:3] in SHORT and _is_day(first) and (not last or _is_day(last)):
            begin, end = SHORT[first[:3]], SHORT[(last or first)[:3]]
            found |= {index % 7 for index in range(begin, begin + (end - begin) % 7 + 1)}
        else:
            raise NotUnderstood(f"{part!r} are no days", f"write daily, weekdays, weekends, or days: {EXAMPLE}")
    return tuple(DAYS[index] for index in sorted(found))


def _is_day(word: str) -> bool:
    return len(word) >= 3 and any(day.lower().startswith(word) for day in DAYS)


def _minutes(text: str) -> int:
    match = TIME.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2] or 0) if match else DAY + 1
    if match is None or int(match[2] or 0) > 59 or minutes > DAY:
        raise NotUnderstood(f"{text!r} is no time of day", "write hours from 0 to 24, or as in 7:30")
    return minutes
