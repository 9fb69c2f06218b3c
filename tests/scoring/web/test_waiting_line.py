"""Work that can wait: who is let in when, and that no place is lost."""

import asyncio

import pytest

from scoring.problems import Problem
from scoring.web.admission import Admission
from scoring.web.waiting_line import Ticket, WaitingLine

pytestmark = pytest.mark.anyio


def admitted(*tickets: Ticket) -> list[bool]:
    return [ticket.place is not None for ticket in tickets]


async def test_it_takes_half_of_the_places_in_its_order() -> None:
    gate = Admission(running=4, queued=4)
    line = WaitingLine(gate, 100)
    tickets = [line.stand() for _ in range(4)]
    assert admitted(*tickets) == [True, True, False, False]
    tickets[1].give_up()
    assert admitted(*tickets) == [True, False, True, False]
    assert gate.inside == 2


async def test_it_does_not_enter_where_a_request_would_wait_but_for_one() -> None:
    gate = Admission(running=4, queued=4)
    places = [gate.enter() for _ in range(4)]
    line = WaitingLine(gate, 100)
    tickets = [line.stand() for _ in range(2)]
    assert admitted(*tickets) == [True, False]
    places[0].end()
    assert admitted(*tickets) == [True, False]
    places[1].end()
    assert admitted(*tickets) == [True, True]


async def test_in_a_full_engine_it_waits() -> None:
    gate = Admission(running=1, queued=0)
    line = WaitingLine(gate, 100)
    with gate.admitted():
        ticket = line.stand()
        assert admitted(ticket) == [False]
    assert admitted(ticket) == [True]
    with pytest.raises(Problem, match="limit of 1"):
        gate.check_room()


async def test_the_line_has_an_end() -> None:
    line = WaitingLine(Admission(running=2, queued=0), 3)
    tickets = [line.stand() for _ in range(3)]
    with pytest.raises(Problem) as caught:
        line.stand()
    assert caught.value.status == 429
    assert any(name == b"retry-after" for name, _ in caught.value.headers)
    tickets[2].give_up()
    line.stand()


@pytest.mark.parametrize("called", [False, True])
async def test_who_is_cancelled_while_it_waits_keeps_no_place(*, called: bool) -> None:
    gate = Admission(running=1, queued=0)
    line = WaitingLine(gate, 100)
    first, second = line.stand(), line.stand()

    async def work() -> None:
        async with second:
            pass

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    if called:
        first.give_up()  # its turn has come, and it does not know yet
    task.cancel()
    await asyncio.wait({task})
    first.give_up()
    first.give_up()
    assert task.cancelled()
    assert (gate.inside, line.inside) == (0, 0)
    assert admitted(line.stand()) == [True]
