"""Which profile of a setting applies, by date and time of the week."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infra.emulator.monitor.profiles import active_profile
from infra.emulator.monitor.time_zones import TABLE, time_zone
from infra.spec.schedule.time_zones import windows_name

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


def test_no_profile_applies_once_its_dates_are_over() -> None:
    assert active_profile([HOLIDAY], datetime(2027, 1, 1, tzinfo=UTC).timestamp()) is None


def test_every_time_zone_is_known_to_this_machine_and_to_specs() -> None:
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            windows, _, iana = line.partition(" = ")
            assert (time_zone(windows) or UTC).key == iana
            assert windows_name(iana) == windows
