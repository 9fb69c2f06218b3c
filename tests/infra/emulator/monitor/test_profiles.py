"""Which profile of a setting applies, by date and time of the week."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infra.emulator.monitor.profiles import active_profile
from infra.emulator.monitor.time_zones import TABLE, time_zone
from infra.resources.scaling.profiles import SCHEDULED, Scaled, profiles
from infra.spec.autoscale import AutoscaleSpec
from infra.spec.schedule.time_zones import windows_name
from infra.spec.schedule.words import DAYS, Schedule, read_schedule

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
WORKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def recurring(name: str, days: list[str], hour: int, zone: str = "W. Europe Standard Time") -> dict[str, Any]:
    schedule = {"timeZone": zone, "days": days, "hours": [hour], "minutes": [0]}
    return {"name": name, "recurrence": {"frequency": "Week", "schedule": schedule}}


OFFICE = [recurring("day", WORKDAYS, 8), recurring("night", WORKDAYS, 18)]
HOLIDAY = {
    "name": "holiday",
    "fixedDate": {"timeZone": "UTC", "start": "2026-12-02T00:00:00Z", "end": "2026-12-03T00:00:00Z"},
}


@pytest.mark.parametrize(
    ("profiles", "moment", "name"),
    [
        pytest.param(OFFICE, datetime(2026, 12, 1, 7, 59, tzinfo=BERLIN), "night", id="before-it-begins"),
        pytest.param(OFFICE, datetime(2026, 12, 1, 8, 0, tzinfo=BERLIN), "day", id="as-it-begins"),
        pytest.param(OFFICE, datetime(2026, 12, 1, 7, 30, tzinfo=UTC), "day", id="in-its-own-time-zone"),
        pytest.param(OFFICE, datetime(2026, 7, 1, 6, 30, tzinfo=UTC), "day", id="in-summer-time"),
        pytest.param(OFFICE, datetime(2026, 12, 5, 12, 0, tzinfo=BERLIN), "night", id="lasts-over-the-weekend"),
        pytest.param([*OFFICE, HOLIDAY], datetime(2026, 12, 2, 12, 0, tzinfo=UTC), "holiday", id="dates-come-first"),
        pytest.param([*OFFICE, HOLIDAY], datetime(2026, 12, 3, 12, 0, tzinfo=UTC), "day", id="dates-end"),
        pytest.param([{"name": "default"}], datetime(2026, 12, 3, tzinfo=UTC), "default", id="default-alone"),
        pytest.param(
            [{"name": "default"}, OFFICE[0]], datetime(2026, 12, 5, tzinfo=UTC), "day", id="lasts-without-an-end"
        ),
    ],
)
def test_a_profile_applies(profiles: list[dict[str, Any]], moment: datetime, name: str) -> None:
    found = active_profile(profiles, moment.timestamp())
    assert found
    assert found["name"] == name


CLOCKS_CHANGE = (
    datetime(2027, 3, 12, tzinfo=UTC),
    datetime(2027, 3, 26, tzinfo=UTC),
    datetime(2027, 10, 29, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("weekdays 8-18 Europe/Berlin", id="by-day"),
        pytest.param("weekdays 22-6 America/New_York", id="over-midnight"),
        pytest.param("daily 2:30-3:30 Europe/Berlin", id="in-the-hour-that-is-left-out"),
        pytest.param("weekends 0-24 Europe/Berlin", id="whole-days"),
        pytest.param("mon,wed,fri 23:30-23:15 Asia/Kolkata", id="nearly-a-day"),
    ],
)
def test_a_schedule_in_words_applies_by_the_clock_on_the_wall(words: str) -> None:
    spec = AutoscaleSpec(max=3, target=60, schedule=words)
    schedule, made = read_schedule(words), profiles(spec, Scaled("/e", "/e/blue", gpu=True))
    for first in CLOCKS_CHANGE:
        for quarter in range(5 * 24 * 4):
            moment = first + timedelta(minutes=15 * quarter)
            wall = moment.astimezone(ZoneInfo(schedule.zone))
            found = active_profile(made, moment.timestamp())
            assert found
            assert (found["name"] == SCHEDULED) == within(schedule, wall), wall


def within(schedule: Schedule, wall: datetime) -> bool:
    today, yesterday = (DAYS[(wall.weekday() - back) % 7] in schedule.days for back in (0, 1))
    minute = wall.hour * 60 + wall.minute
    if schedule.end > schedule.begin:
        return today and schedule.begin <= minute < schedule.end
    return (today and minute >= schedule.begin) or (yesterday and minute < schedule.end)


def test_no_profile_applies_once_its_dates_are_over() -> None:
    assert active_profile([HOLIDAY], datetime(2027, 1, 1, tzinfo=UTC).timestamp()) is None


def test_every_time_zone_is_known_to_this_machine_and_to_specs() -> None:
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            windows, _, iana = line.partition(" = ")
            assert (time_zone(windows) or UTC).key == iana
            assert windows_name(iana) == windows
