"""Times of the week in words, and their time zones."""

import pytest

from infra.spec.schedule.words import NotUnderstood, read_schedule

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@pytest.mark.parametrize(
    ("words", "days", "span", "zone"),
    [
        pytest.param("weekdays 8-18 Europe/Berlin", WEEK[:5], (480, 1080), "W. Europe Standard Time", id="weekdays"),
        pytest.param("daily 7:30-22 UTC", WEEK, (450, 1320), "UTC", id="daily"),
        pytest.param("weekends 0-12 Asia/Kolkata", WEEK[5:], (0, 720), "India Standard Time", id="weekends"),
        pytest.param("mon-thu 9-17 America/New_York", WEEK[:4], (540, 1020), "Eastern Standard Time", id="range"),
        pytest.param("fri-mon 9-17 asia/tokyo", ("Monday", *WEEK[4:]), (540, 1020), "Tokyo Standard Time", id="around"),
        pytest.param("Mon,Wednesday 9-24 UTC", ("Monday", "Wednesday"), (540, 0), "UTC", id="list-until-midnight"),
        pytest.param("weekends 0-24 UTC", WEEK[5:], (0, 0), "UTC", id="whole-days"),
        pytest.param("weekdays 8-18 CET", WEEK[:5], (480, 1080), "Romance Standard Time", id="old-name-of-a-zone"),
        pytest.param("sunday 22-6 UTC", ("Sunday",), (1320, 360), "UTC", id="over-midnight"),
    ],
)
def test_words_are_read(words: str, days: tuple[str, ...], span: tuple[int, int], zone: str) -> None:
    found = read_schedule(words)
    assert (found.days, (found.begin, found.end), found.azure_zone) == (days, span, zone)


def test_what_goes_over_midnight_ends_on_the_next_day() -> None:
    assert read_schedule("sat,sun 22-6 UTC").last_days == ("Sunday", "Monday")
    assert read_schedule("sat,sun 6-22 UTC").last_days == ("Saturday", "Sunday")


def test_whole_days_in_a_row_end_after_the_last_of_them() -> None:
    assert read_schedule("weekends 0-24 UTC").last_days == ("Monday",)
    assert read_schedule("mon,tue,fri 0-24 UTC").last_days == ("Wednesday", "Saturday")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param("weekdays 8-18", "must be days, hours and a time zone", id="no-zone"),
        pytest.param("weekday 8-18 UTC", "'weekday' are no days", id="days"),
        pytest.param("mo 8-18 UTC", "'mo' are no days", id="short-day"),
        pytest.param("daily 8-25 UTC", "'25' is no time of day", id="hours"),
        pytest.param("daily 8:60-9 UTC", "'8:60' is no time of day", id="minutes"),
        pytest.param("daily 8-8 UTC", "must begin before it ends; for whole days, write `0-24`", id="nothing"),
        pytest.param("daily 24-6 UTC", "must begin before it ends", id="begins-at-24"),
        pytest.param("daily 0-24 UTC", "is all day; for the whole day, leave `schedule` out", id="all-day"),
        pytest.param("daily 8-18 Europe/Berln", "no time zone 'Europe/Berln'; did you mean Europe/Berlin", id="typo"),
        pytest.param("daily 8-18 berlin", "did you mean Europe/Berlin", id="city"),
        pytest.param("daily 8-18 Xyzzyville", "write an IANA name, such as Europe/Berlin or UTC", id="far"),
    ],
)
def test_what_cannot_be_read_is_told(words: str, told: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_schedule(words)
    assert told in f"{caught.value}; {caught.value.hint}"
