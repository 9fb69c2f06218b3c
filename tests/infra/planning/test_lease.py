"""The lock of a stack, with blobs that are leased by the emulator's rules and a clock that moves only in `sleep`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.azure.locks.leases import LIFETIME, Attempt, Locks
from infra.errors import AccessDenied, GateliftError, NotReady, Refused
from infra.parallel import Task
from infra.planning.apply import Step, run_steps
from infra.planning.lease import hold_lease
from infra.planning.plan import Action, Change
from infra.reporter import Silent

NAME = "stack-demo"


class Notes(Silent):
    """A reporter that remembers its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def others(leased_blobs: Any, manual_clock: Any, notes: Notes) -> Locks:
    """The locks as another command sees them."""
    return Locks(leased_blobs, manual_clock, notes, local=False, longest=900)


@contextmanager
def others_hold(locks: Locks) -> Iterator[None]:
    with locks.stack("demo", "up"):
        yield


def test_the_blob_exists_in_the_block_and_is_deleted_afterwards(plain_cloud: Cloud, leased_blobs: Any) -> None:
    with hold_lease(plain_cloud, "up", lambda: "read") as found:
        assert found == "read"
        assert leased_blobs.send("HEAD", NAME, {}).headers["x-ms-lease-state"] == "leased"
        holder = plain_cloud.locks.holders("demo")[NAME]
        assert (holder.command, holder.since) == ("up", "just now")
    assert leased_blobs.blobs == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), AccessDenied("no")])
def test_it_is_deleted_after_an_interruption(plain_cloud: Cloud, leased_blobs: Any, error: BaseException) -> None:
    with pytest.raises(type(error)), hold_lease(plain_cloud, "up", lambda: None):
        raise error
    assert leased_blobs.blobs == {}


def test_it_is_deleted_where_reading_or_checking_fails(plain_cloud: Cloud, leased_blobs: Any) -> None:
    def fail() -> None:
        raise AccessDenied("may not read")

    for read, checks in ((fail, None), (lambda: None, Task(fail))):
        with pytest.raises(AccessDenied, match="may not read"), hold_lease(plain_cloud, "up", read, checks):
            raise AssertionError("the block must not begin")
        assert leased_blobs.blobs == {}


def test_who_waits_is_told_for_whom_and_goes_on(
    plain_cloud: Cloud, others: Locks, notes: Notes, manual_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = plain_cloud.locks.stack("demo", "up")
    held.__enter__()
    sleep = manual_clock.sleep

    def let_go(seconds: float) -> None:
        sleep(seconds)
        if manual_clock.now() > 30 and plain_cloud.locks._held:
            held.__exit__(None, None, None)

    monkeypatch.setattr(manual_clock, "sleep", let_go)
    with others.stack("demo", "down"):
        assert 30 < manual_clock.now() < 40
    assert len(notes.notes) == 1
    assert "who runs `gatelift up` since just now: waiting, at most 900 s" in notes.notes[0]


def test_what_was_read_before_another_command_ended_is_read_again(
    plain_cloud: Cloud, others: Locks, manual_clock: Any, leased_blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, sleep, send = ["before"], manual_clock.sleep, leased_blobs.send
    held = others.stack("demo", "up")

    def faster(method: str, name: str, headers: dict[str, str], *, query: str = "") -> Any:
        answer = send(method, name, headers, query=query)
        if method == "PUT" and not query and state == ["before"] and not others._held:
            monkeypatch.setattr(leased_blobs, "send", send)
            held.__enter__()  # between this command's blob and its lease
        return answer

    def let_go(seconds: float) -> None:
        sleep(seconds)
        if others._held:
            state[0] = "after"
            held.__exit__(None, None, None)

    monkeypatch.setattr(leased_blobs, "send", faster)
    monkeypatch.setattr(manual_clock, "sleep", let_go)
    with hold_lease(plain_cloud, "up", lambda: state[0]) as found:
        assert found == "after"


def test_nobody_waits_for_another_stack(plain_cloud: Cloud, others: Locks, manual_clock: Any) -> None:
    with plain_cloud.locks.stack("demo", "up"), others.stack("other", "up"):
        assert manual_clock.now() == 0


def test_waiting_has_an_end(plain_cloud: Cloud, others: Locks, manual_clock: Any, leased_blobs: Any) -> None:
    with plain_cloud.locks.stack("demo", "up"):
        lock = plain_cloud.locks._held[0]

        class Renewing(Attempt):
            def failed(self) -> None:
                lock._renew()  # as the other command does all the time

        late = pytest.raises(NotReady, match=r"the stack demo is locked by .* still after 900 s")
        with late as refusal, others.stack("demo", "down", Renewing()):
            raise AssertionError("the block must not begin")
        assert "gatelift unlock" in refusal.value.hint
    assert manual_clock.now() >= 900


def test_a_killed_holder_is_waited_for_a_minute_at_most(
    others: Locks, manual_clock: Any, leased_blobs: Any, notes: Notes
) -> None:
    dead = Locks(leased_blobs, manual_clock, notes, local=False, longest=900)
    dead._take(NAME, "the stack demo", Attempt())
    with others_hold(others):
        assert LIFETIME <= manual_clock.now() <= LIFETIME + 5
    assert leased_blobs.blobs == {}


@pytest.mark.parametrize("wrong", [-3600.0, -200.0, 200.0, 3600.0])
def test_a_machine_with_a_wrong_clock_is_as_good_as_any(
    plain_cloud: Cloud, manual_clock: Any, leased_blobs: Any, notes: Notes, wrong: float
) -> None:
    class Wrong:
        def now(self) -> float:
            return float(manual_clock.now()) + wrong

        def utc(self) -> Any:
            return manual_clock.utc() + timedelta(seconds=wrong)

        def sleep(self, seconds: float) -> None:
            manual_clock.sleep(seconds)

    other = Locks(leased_blobs, Wrong(), notes, local=False, longest=30)
    with plain_cloud.locks.stack("demo", "up"):
        with pytest.raises(NotReady, match="is locked by"), other.stack("demo", "up"):
            raise AssertionError("both hold it")
        plain_cloud.locks.check()
    with other.stack("demo", "up"):
        other.check()


def test_a_lock_that_somebody_broke_stops_the_run_at_its_next_step(plain_cloud: Cloud, others: Locks) -> None:
    done: list[str] = []

    def first() -> None:
        done.append("first")
        others.break_lock(NAME)
        plain_cloud.clock.sleep(1)

    steps = [
        Step(Change(Action.CREATE, "thing", "first"), first),
        Step(Change(Action.CREATE, "thing", "second"), lambda: done.append("second"), frozenset({0})),
    ]
    lost = pytest.raises(Refused, match=r"the lock of the stack demo was lost .*somebody broke it")
    with lost as refusal, hold_lease(plain_cloud, "up", lambda: None):
        run_steps(plain_cloud, steps)
    assert (done, refusal.value.code) == (["first"], "lock_lost")


def test_a_lock_that_another_command_took_meanwhile_is_left_to_it(
    plain_cloud: Cloud, others: Locks, manual_clock: Any, leased_blobs: Any
) -> None:
    with hold_lease(plain_cloud, "up", lambda: None):
        manual_clock.sleep(LIFETIME + 1)  # the machine slept, and its renewals with it
        taken = others.stack("demo", "down")
        taken.__enter__()
        with pytest.raises(Refused, match="another command has it"):
            plain_cloud.begin(lambda: None)
    assert NAME in leased_blobs.blobs
    taken.__exit__(None, None, None)
    assert leased_blobs.blobs == {}


def test_after_a_sleep_in_which_nobody_took_it_the_command_goes_on(plain_cloud: Cloud, manual_clock: Any) -> None:
    with hold_lease(plain_cloud, "up", lambda: None):
        manual_clock.sleep(LIFETIME * 10)
        plain_cloud.locks.check()


def test_a_network_that_stays_away_stops_the_run(plain_cloud: Cloud, manual_clock: Any, leased_blobs: Any) -> None:
    with hold_lease(plain_cloud, "up", lambda: None):
        leased_blobs.silent = True
        plain_cloud.locks.check()  # for a minute it is known to be ours
        manual_clock.sleep(LIFETIME)
        with pytest.raises(Refused, match="could not be renewed: no answer"):
            plain_cloud.locks.check()


def test_without_access_to_the_blobs_nothing_begins(plain_cloud: Cloud, leased_blobs: Any) -> None:
    leased_blobs.silent = True
    with pytest.raises(GateliftError, match="no answer"), hold_lease(plain_cloud, "up", lambda: None):
        raise AssertionError("the block must not begin")


def test_without_locks_nobody_waits_and_it_is_said(plain_cloud: Cloud, others: Locks, notes: Notes) -> None:
    others.off = True
    with plain_cloud.locks.stack("demo", "up"), others.stack("demo", "up"), others.shared():
        others.check()
    assert "no lock is taken" in notes.notes[0]


def test_what_is_shared_is_held_by_one_command_at_a_time(
    plain_cloud: Cloud, leased_blobs: Any, manual_clock: Any, notes: Notes
) -> None:
    other = Locks(leased_blobs, manual_clock, notes, local=False, longest=30)
    refused = pytest.raises(NotReady, match="what the stacks of this workspace share is locked")
    with plain_cloud.locks.shared(), plain_cloud.locks.shared(), refused, other.shared():  # two threads of one command
        raise AssertionError("both hold it")
    with other.shared():
        assert list(leased_blobs.blobs) == ["shared"]
    assert leased_blobs.blobs == {}


def test_a_lock_that_another_thread_gives_back_while_it_is_checked_is_not_lost(
    leased_blobs: Any, manual_clock: Any, notes: Notes
) -> None:
    """A step that needs nothing shared may begin just when the last one that does has ended."""
    with ExitStack() as held:

        class GivenBack:
            """Blobs whose shared lock is given back while it is being renewed."""

            def send(self, method: str, name: str, headers: dict[str, str], *, query: str = "") -> Any:
                if headers.get("x-ms-lease-action") == "renew":
                    held.close()
                return leased_blobs.send(method, name, headers, query=query)

        locks = Locks(GivenBack(), manual_clock, notes, local=False, longest=900)
        held.enter_context(locks.shared())
        manual_clock.sleep(2)
        locks.check()
    assert leased_blobs.blobs == {}
