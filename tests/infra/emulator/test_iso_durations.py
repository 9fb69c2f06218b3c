"""Durations of ARM in seconds."""

import pytest

from infra.emulator.iso_durations import seconds_of


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        *[("PT3M", 180), ("PT1M30S", 90), ("PT0.5S", 0.5), ("PT1H", 3600), ("P1DT1S", 86401), ("PT0S", 0)],
        *[(None, 7), ("", 7), ("P", 7), ("PT", 7), ("5000", 7), ("PT5", 7)],
    ],
)
def test_seconds_of(duration: str | None, seconds: float) -> None:
    assert seconds_of(duration, default=7) == seconds
