"""Applying a plan: the order of steps, parallel steps, errors, and stale plans."""

import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, OperationFailed, Refused, StalePlan
from infra.planning.apply import Step, run_steps
from infra.planning.check import check_fresh
from infra.planning.plan import Action, Change, Plan
from infra.reporter import Recorder, Silent
from infra.resources.weights.version import Weights


def change(name: str, against: str = "") -> Change:
    return Change(Action.CREATE, "thing", name, planned_against=against)


def test_steps_wait_for_what_they_need(plain_cloud: Cloud) -> None:
    done: list[str] = []
    run_steps(
        plain_cloud,
        [
            Step(change("last"), lambda: done.append("last"), frozenset({1, 2})),
            Step(change("first"), lambda: done.append("first")),
            Step(change("middle"), lambda: done.append("middle"), frozenset({1})),
        ],
    )
    assert done == ["first", "middle", "last"]


def test_independent_steps_run_side_by_side(plain_cloud: Cloud) -> None:
    barrier = threading.Barrier(3, timeout=10)

    def meet() -> None:
        barrier.wait()

    run_steps(plain_cloud, [Step(change(str(n)), meet) for n in range(3)])
    assert not barrier.broken


def test_a_step_may_begin_once_another_is_accepted(plain_cloud: Cloud) -> None:
    came = threading.Event()

    def accepted() -> Callable[[], None]:
        return lambda: None if came.wait(10) else pytest.fail("the other one did not begin")

    run_steps(
        plain_cloud, [Step(change("long"), accepted), Step(change("other"), came.set, frozenset(), frozenset({0}))]
    )


def test_steps_that_wait_for_acceptance_do_not_start_after_a_refusal(plain_cloud: Cloud) -> None:
    done: list[str] = []

    def refused() -> None:
        raise Refused("the name is taken")

    other = Step(change("other"), lambda: done.append("other"), frozenset(), frozenset({0}))
    with pytest.raises(Refused, match="taken"):
        run_steps(plain_cloud, [Step(change("long"), refused), other])
    assert done == []


def test_after_an_error_no_step_starts_and_the_error_is_raised(plain_cloud: Cloud) -> None:
    done: list[str] = []

    def fail() -> None:
        raise OperationFailed("it broke", code="ResourceNotReady")

    todo = [Step(change("bad"), fail), Step(change("after"), lambda: done.append("after"), frozenset({0}))]
    with pytest.raises(GateliftError, match="it broke"):
        run_steps(plain_cloud, todo)
    assert done == []


def test_a_phase_says_at_its_end_how_files_came(plain_cloud: Cloud) -> None:
    weights, recorder = Weights("org/m", "f" * 64, (), "demo", 0), Recorder(Silent())
    step = Step(change("weights"), lambda: weights.ways.append("through this machine (Refused)"), resource=weights)
    run_steps(replace(plain_cloud, reporter=recorder), [step])
    assert [phase[3] for phase in recorder.phases] == ["created, through this machine (Refused)"]


def test_a_fresh_plan_passes_and_a_stale_one_names_what_changed() -> None:
    plan = Plan("demo", (change("a", "1"), change("b", "1")))
    check_fresh(plan, Plan("demo", plan.changes))
    with pytest.raises(StalePlan, match="thing b"):
        check_fresh(plan, Plan("demo", (change("a", "1"), change("b", "2"))))


def test_a_plan_of_another_stack_is_refused() -> None:
    plan = Plan("demo", (change("a"),))
    with pytest.raises(StalePlan, match="other"):
        check_fresh(plan, replace(plan, stack="other"))
