"""An emulated week: a burst scales out, the night scales in, the shipped schedule parks and wakes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.emulator import launcher
from tests.infra.operations.capacity.week import Week, live
from tests.infra.operations.conftest import SEED, Bench

AUTOSCALE = {"max": 3, "target": 2}


@pytest.fixture
def week(tmp_path: Path, sources: Any, bench: Any) -> Iterator[Week]:
    """An emulator of its own, whose time nobody else lives in, with a stack that scales."""
    (tmp_path / "seed.json").write_text(json.dumps(SEED), encoding="utf-8")
    emulator = launcher.start(tmp_path / "state", seed=tmp_path / "seed.json")
    own = Bench({"GATELIFT_EMULATOR_STATE": str(tmp_path / "state")}, sources)
    spec = own.spec("week", deployment={"autoscale": AUTOSCALE, "responses_per_instance": True})
    week = Week(own, spec, emulator, own.up(spec).connection)
    yield week
    week.client.close()
    week.portal.close()
    launcher.stop(tmp_path / "state")


def test_a_week(week: Week, told: list[str]) -> None:
    week.begin()
    live(week)
    happened = sorted(week.log, key=lambda each: each.at)
    lines = [str(each) for each in happened]
    hours = week.instance_hours()
    told += ["an emulated week: when, what, instances from then on", *lines]
    size = week.spec.deployment.instance_type
    price = week.target.prices.hourly("eastus", [size])[size.lower()]
    told.append(
        f"{hours:.1f} instance hours, {price.hour * hours:,.2f} {price.currency}; one instance all the time: 168.0, "
        f"{price.hour * 168:,.2f}; as many as the burst needs: 504.0, {price.hour * 504:,.2f}"
    )

    by_day = {day: [each for each in happened if each.at.weekday() == day] for day in range(7)}
    for day in range(5):  # each burst has all three instances, and is over before the afternoon
        morning = [each for each in by_day[day] if "autoscale" in each.what and 10 <= each.at.hour < 13]
        assert max(each.instances for each in morning) == 3, lines
        assert morning[-1].instances == 1, lines
    monday = [each for each in happened if week.monday + timedelta(hours=21) < each.at][:10]
    assert [each.instances for each in monday if "autoscale" in each.what][:4] == [2, 3, 2, 1], lines
    parks = [each for each in happened if each.what.startswith("park")]
    assert [(each.at.strftime("%a %H:%M"), each.what) for each in parks] == [
        ("Tue 00:31", "park: no request for 2 h"),  # the evening's job had failed
        ("Tue 18:17", "park: evening"),
        ("Wed 13:31", "park: no request for 2 h"),  # nobody came after noon
        ("Thu 18:17", "park: evening"),
        ("Fri 18:17", "park: evening"),
        ("Sat 12:31", "park: no request for 2 h"),  # somebody had woken it and left
    ], lines
    thursday, friday = parks[3], next(each for each in by_day[4] if each.what.startswith("wake"))
    before = [each for each in happened if each.at < thursday.at][-1]
    assert (before.instances, friday.instances) == (3, 3), "parked in a burst, it wakes as it was"
    awake = [status for moment, status in week.answers if moment.weekday() < 6]
    asleep = [status for moment, status in week.answers if moment.weekday() == 6]
    assert (set(awake), set(asleep)) == ({200}, {404})
    assert hours < 168 / 2, lines
