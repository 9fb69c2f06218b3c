"""What the recorder keeps, and the metrics that are made of it."""

from typing import Any

import pytest

from infra.emulator.monitor.clock import MonitorClock
from infra.emulator.monitor.metrics import Query, find_metric
from infra.emulator.monitor.recorder import Answered, Recorder

MINUTE = 60.0


@pytest.fixture
def moment(bare_world: Any, workspace_of: Any) -> Any:
    """Sets Azure Monitor's clock to so many seconds after midnight."""
    machine = [0.0]
    bare_world.recorder = Recorder(MonitorClock(bare_world.settings, lambda: machine[0]))
    workspace = workspace_of(bare_world)
    workspace.put_deployment()

    def set_to(seconds: float) -> None:
        machine[0] = seconds

    return set_to


def values(world: Any, id: str, name: str, *split: str) -> dict[Any, list[tuple[int, float]]]:
    metric = find_metric(id, name)
    assert metric
    found = Query(world, id, metric).series(0, 5 * MINUTE, split)
    return {
        key: [(point.minute, round(point.aggregate("Average"), 3)) for point in each] for key, each in found.items()
    }


def ask(world: Any, id: str, moment: Any, begin: float, end: float, *, status: int = 200) -> None:
    moment(begin)
    world.recorder.came(id)
    world.recorder.began(id, 0)
    moment(end)
    world.recorder.ended(id, 0)
    world.recorder.went(id, Answered(status if status == 200 else 424, status, (end - begin) * 1000))


def test_requests_are_counted_by_minute_and_status(bare_world: Any, workspace_of: Any, moment: Any) -> None:
    blue, endpoint = workspace_of.blue, workspace_of.endpoint
    for begin in (1, 2, 3):
        ask(bare_world, blue, moment, begin, begin + 0.5)
    ask(bare_world, blue, moment, 70, 71, status=500)
    bare_world.recorder.sample(blue, 60, 1)
    bare_world.recorder.sample(blue, 120, 1)
    bare_world.recorder.sample(blue, 180, 1)
    assert values(bare_world, endpoint, "RequestsPerMinute") == {(): [(0, 3), (60, 1), (120, 0)]}
    by_status = values(bare_world, endpoint, "RequestsPerMinute", "statusCode", "modelStatusCode")
    assert by_status[("statusCode", "424"), ("modelStatusCode", "500")] == [(60, 1)]
    assert values(bare_world, endpoint, "RequestLatency_P95", "deployment") == {
        (("deployment", "blue"),): [(0, 500), (60, 1000)]
    }


def test_minutes_without_a_request_may_have_no_value(bare_world: Any, workspace_of: Any, moment: Any) -> None:
    ask(bare_world, workspace_of.blue, moment, 1, 2)
    bare_world.recorder.sample(workspace_of.blue, 120, 1)
    bare_world.settings.update({"monitor_counts_silence": 0})
    assert values(bare_world, workspace_of.endpoint, "RequestsPerMinute") == {(): [(0, 1)]}


def test_an_instance_is_busy_while_it_works_on_a_request(bare_world: Any, workspace_of: Any, moment: Any) -> None:
    blue, recorder = workspace_of.blue, bare_world.recorder
    moment(30)
    recorder.began(blue, 0)
    moment(45)
    recorder.began(blue, 0)  # a second one beside it does not count twice
    moment(60)
    recorder.sample(blue, 60, 2)
    moment(75)
    recorder.ended(blue, 0)
    moment(90)
    recorder.ended(blue, 0)
    recorder.sample(blue, 120, 2)
    assert values(bare_world, blue, "GpuUtilizationPercentage", "instanceId") == {
        (("instanceId", "0"),): [(0, 50), (60, 50)],
        (("instanceId", "1"),): [(0, 0), (60, 0)],
    }
    assert values(bare_world, blue, "GpuUtilizationPercentage") == {(): [(0, 25), (60, 25)]}


def test_the_most_requests_at_a_time_count_as_connections(bare_world: Any, workspace_of: Any, moment: Any) -> None:
    blue, recorder = workspace_of.blue, bare_world.recorder
    moment(1)
    for _ in range(3):
        recorder.came(blue)
    for _ in range(3):
        recorder.went(blue, None)
    assert values(bare_world, workspace_of.endpoint, "ConnectionsActive") == {(): [(0, 3)]}
    assert values(bare_world, workspace_of.endpoint, "RequestsPerMinute") == {}, "clients that left got no answer"


def test_a_deleted_deployment_is_forgotten(bare_world: Any, workspace_of: Any, moment: Any) -> None:
    ask(bare_world, workspace_of.blue, moment, 1, 2)
    bare_world.recorder.forget(workspace_of.blue)
    assert values(bare_world, workspace_of.endpoint, "RequestLatency") == {}
