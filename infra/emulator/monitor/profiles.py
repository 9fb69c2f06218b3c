"""Which profile of an autoscale setting applies at a moment.

Source: Azure Monitor "Autoscale with multiple profiles": fixed dates first, then the recurring profile that began last,
since each lasts until another one begins, then the default profile.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from infra.emulator.monitor.time_zones import time_zone
from infra.emulator.state.store import Document

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UTC = ZoneInfo("UTC")
WEEK = 7  # days


def active_profile(profiles: list[Document], moment: float) -> Document | None:
    """The profile that applies; None where there is no default and no other has begun."""
    now = datetime.fromtimestamp(moment, UTC)
    for profile in profiles:
        if (dates := profile.get("fixedDate")) and parsed(dates["start"], dates) <= now < parsed(dates["end"], dates):
            return profile
    recurring = [(begun, profile) for profile in profiles for begun in _last_beginnings(profile, now)]
    if recurring:
        return max(recurring, key=lambda each: each[0])[1]
    return next((each for each in profiles if not each.get("fixedDate") and not each.get("recurrence")), None)


def parsed(text: str, dates: Document) -> datetime:
    """A moment of a fixed date; one without an offset is in the zone of the dates."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=time_zone(dates.get("timeZone") or "UTC") or UTC)


def _last_beginnings(profile: Document, now: datetime) -> Iterator[datetime]:
    """The last time that a recurring profile began; nothing for other profiles."""
    if not (recurrence := profile.get("recurrence")) or profile.get("fixedDate"):
        return
    schedule = recurrence["schedule"]
    local = now.astimezone(time_zone(schedule["timeZone"]) or UTC)
    days = {DAYS.index(day.lower()) for day in schedule["days"]}
    begun = [
        begin
        for back, (hour, minute) in product(range(WEEK + 1), product(schedule["hours"], schedule["minutes"]))
        if (day := local - timedelta(days=back)).weekday() in days
        and (begin := day.replace(hour=hour, minute=minute, second=0, microsecond=0)) <= local
    ]
    if begun:
        yield max(begun)
