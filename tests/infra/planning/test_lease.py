"""The lease of a stack, tested with Resource Manager as a dictionary and a clock that moves only in `sleep`."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied
from infra.parallel import Task
from infra.planning.lease import LIFETIME, _machine, _process, clear_abandoned, hold_lease

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def lease_id(cloud: Cloud) -> str:
    return f"{cloud.workspace.id}/codes/gatelift-lease-demo"


def mark(cloud: Cloud, shelf: Any, **changed: str) -> None:
    tags = {"holder": "x", "who": "eve", "machine": "m", "process": "1@1", "until": str(NOW + timedelta(seconds=60))}
    cloud.management.put(lease_id(cloud), {"properties": {"tags": tags | changed}})


def test_the_lease_exists_in_the_block_and_is_deleted_afterwards(plain_cloud: Cloud, shelf: Any) -> None:
    with hold_lease(plain_cloud, lambda: None):
        assert "demo@lease" in str(shelf.documents[lease_id(plain_cloud)])
    assert lease_id(plain_cloud) not in shelf.documents


def test_the_lease_is_deleted_after_an_interruption(plain_cloud: Cloud, shelf: Any) -> None:
    with pytest.raises(KeyboardInterrupt), hold_lease(plain_cloud, lambda: None):
        raise KeyboardInterrupt
    assert lease_id(plain_cloud) not in shelf.documents


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"until": str(NOW - timedelta(seconds=1))}, id="over"),
        pytest.param({"until": "someday"}, id="unreadable"),
        pytest.param({"machine": _machine(), "process": "999999999@1"}, id="its-process-is-gone"),
        pytest.param({"machine": _machine(), "process": "1@77777777777"}, id="its-number-is-another-process"),
    ],
)
def test_the_lease_of_a_killed_process_is_not_waited_for(
    plain_cloud: Cloud, shelf: Any, manual_clock: Any, changed: dict[str, str]
) -> None:
    mark(plain_cloud, shelf, **changed)
    with hold_lease(plain_cloud, lambda: None):
        assert manual_clock.time < 5


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="elsewhere"),
        pytest.param({"machine": _machine(), "process": _process(1)}, id="here-and-alive"),
    ],
)
def test_a_lease_that_somebody_holds_is_waited_for(
    plain_cloud: Cloud, shelf: Any, manual_clock: Any, changed: dict[str, str]
) -> None:
    mark(plain_cloud, shelf, **changed)
    sleep = manual_clock.sleep
    slept: list[float] = []

    def until_the_other_lets_go(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)
        if len(slept) == 5:
            del shelf.documents[lease_id(plain_cloud)]

    manual_clock.sleep = until_the_other_lets_go
    with hold_lease(plain_cloud, lambda: None):
        assert len(slept) == 6


def test_a_process_that_was_killed_and_not_yet_asked_for_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as killed:
        assert _process(killed.pid)
        killed.kill()
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        assert not _process(killed.pid)


@pytest.mark.parametrize(
    ("changed", "stays"),
    [
        pytest.param({"until": str(NOW - timedelta(seconds=1))}, False, id="of-somebody-who-was-killed"),
        pytest.param({}, True, id="of-somebody-at-work"),
    ],
)
def test_a_command_without_changes_deletes_only_an_abandoned_lease(
    plain_cloud: Cloud, shelf: Any, changed: dict[str, str], stays: bool
) -> None:
    mark(plain_cloud, shelf, **changed)
    clear_abandoned(plain_cloud, plain_cloud)
    assert (lease_id(plain_cloud) in shelf.documents) is stays


def test_the_last_writer_holds_the_lease(plain_cloud: Cloud, shelf: Any, manual_clock: Any) -> None:
    sleep = manual_clock.sleep
    waits: list[float] = []

    def the_other_is_faster(seconds: float) -> None:
        sleep(seconds)
        waits.append(seconds)
        if len(waits) == 1:
            mark(plain_cloud, shelf)
        if len(waits) == 4:
            del shelf.documents[lease_id(plain_cloud)]

    manual_clock.sleep = the_other_is_faster
    with hold_lease(plain_cloud, lambda: None):
        assert len(waits) == 5


def test_without_permission_to_write_a_lease_the_command_runs_without(plain_cloud: Cloud, shelf: Any) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AccessDenied("you may not")

    shelf.put = refuse
    done = []
    with hold_lease(plain_cloud, lambda: None):
        done.append(True)
    assert done


def test_what_it_looks_at_is_looked_at_again_after_somebody_else_was_at_work(
    plain_cloud: Cloud, shelf: Any, manual_clock: Any
) -> None:
    mark(plain_cloud, shelf)
    sleep = manual_clock.sleep
    made = f"{plain_cloud.workspace.id}/made-by-the-other"

    def the_other_ends(seconds: float) -> None:
        sleep(seconds)
        if lease_id(plain_cloud) in shelf.documents and "eve" in str(shelf.documents[lease_id(plain_cloud)]):
            shelf.documents[made] = {"id": made}
            del shelf.documents[lease_id(plain_cloud)]

    manual_clock.sleep = the_other_ends
    with hold_lease(plain_cloud, lambda: plain_cloud.management.get(made)) as seen:
        assert seen == {"id": made}


def test_the_lease_is_deleted_where_reading_fails(plain_cloud: Cloud, shelf: Any) -> None:
    def look() -> None:
        raise AccessDenied("you may not read")

    with pytest.raises(AccessDenied, match="may not read"), hold_lease(plain_cloud, look):
        raise AssertionError("the block runs although reading failed")
    assert lease_id(plain_cloud) not in shelf.documents


def test_after_the_lifetime_the_lease_of_another_is_not_deleted(
    plain_cloud: Cloud, shelf: Any, manual_clock: Any
) -> None:
    with hold_lease(plain_cloud, lambda: None):
        manual_clock.sleep(LIFETIME + 1)
        mark(plain_cloud, shelf)
    assert "eve" in str(shelf.documents[lease_id(plain_cloud)])


def test_the_lease_of_a_late_writer_is_not_deleted(plain_cloud: Cloud, shelf: Any) -> None:
    with hold_lease(plain_cloud, lambda: None):
        mark(plain_cloud, shelf)
    assert "eve" in str(shelf.documents[lease_id(plain_cloud)])


def test_a_lease_that_could_not_be_read_again_is_deleted(plain_cloud: Cloud, shelf: Any) -> None:
    get, asked = shelf.get, []

    def failing(id: str, **settings: Any) -> Any:
        asked.append(id)
        if len(asked) == 2:
            raise AccessDenied("not this time")
        return get(id, **settings)

    shelf.get = failing
    with hold_lease(plain_cloud, lambda: None):
        assert lease_id(plain_cloud) not in shelf.documents


def test_an_unexpected_error_of_the_checks_leaves_no_lease(plain_cloud: Cloud, shelf: Any) -> None:
    def surprise() -> None:
        raise RuntimeError("not foreseen")

    with pytest.raises(RuntimeError), hold_lease(plain_cloud, lambda: None, Task(surprise)):
        raise AssertionError("the lease is not held")
    assert lease_id(plain_cloud) not in shelf.documents
