"""Waiting for operations: network losses are survived, and the wait ends at the timeout."""

from typing import Any

import pytest

from infra.azure.arm import Operation, Progress
from infra.azure.poller import ArmPoller
from infra.errors import NotReady, OperationFailed, TimedOut
from infra.timeouts import Timeouts

OPERATION = Operation("/id", "https://arm/operation")


class Answers:
    """Resource Manager as a list of answers to polls, of which the last one is repeated."""

    def __init__(self, *answers: Progress | Exception) -> None:
        self.answers = list(answers)
        self.timeouts = Timeouts()

    def poll(self, operation: Operation) -> Progress:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def poller(clock: Any, *answers: Progress | Exception) -> ArmPoller:
    arm: Any = Answers(*answers)
    return ArmPoller(arm, clock, local=False)


def test_a_network_that_comes_back_ends_no_waiting(manual_clock: Any) -> None:
    gone = NotReady("no answer", code="no_connection")
    poller(manual_clock, Progress(False), gone, gone, gone, Progress(False), Progress(True)).wait(
        OPERATION, lambda: None
    )
    assert manual_clock.time < 30


def test_a_network_that_stays_away_ends_it(manual_clock: Any) -> None:
    with pytest.raises(NotReady, match="no answer"):
        poller(manual_clock, NotReady("no answer", code="no_connection")).wait(OPERATION)
    assert 290 < manual_clock.time < 310


def test_a_pause_that_azure_asks_for_is_no_longer_than_the_operation_may_take(manual_clock: Any) -> None:
    with pytest.raises(TimedOut, match="still running"):
        poller(manual_clock, Progress(False, pause=999_999.0)).wait(OPERATION)
    assert manual_clock.time < Timeouts().operation + 10


def test_what_the_operation_ended_with_is_raised(manual_clock: Any) -> None:
    failed = Progress(True, error=OperationFailed("it failed", code="ResourceNotReady"))
    with pytest.raises(OperationFailed, match="it failed"):
        poller(manual_clock, Progress(False), failed).wait(OPERATION)
