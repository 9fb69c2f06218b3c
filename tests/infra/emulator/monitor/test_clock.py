"""Azure Monitor's clock: as fast as a setting says, set ahead, or standing still."""

from typing import Any

from infra.emulator.monitor.clock import MonitorClock


def test_it_runs_as_fast_as_it_is_told_and_never_goes_back(bare_world: Any) -> None:
    machine = [1000.0]
    clock = MonitorClock(bare_world.settings, lambda: machine[0])
    assert clock.now() == 1000
    machine[0] += 2
    assert clock.now() == 1002
    bare_world.settings.update({"monitor_speed": 60})
    assert clock.now() == 1002
    machine[0] += 2
    assert clock.now() == 1122
    bare_world.settings.update({"monitor_speed": 0})
    assert clock.now() == 1122
    machine[0] += 500
    assert clock.now() == 1122
    bare_world.settings.update({"monitor_seconds_ahead": 3600})
    assert clock.now() == 4722


def test_a_fast_clock_is_looked_at_more_often(bare_world: Any) -> None:
    clock = MonitorClock(bare_world.settings)
    pauses = []
    for speed in (1, 60, 600):
        bare_world.settings.update({"monitor_speed": speed})
        clock.now()
        pauses.append(clock.pause())
    assert pauses == [1.0, 0.25, 0.05]
