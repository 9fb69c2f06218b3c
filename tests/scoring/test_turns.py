"""Turns of a busy event loop."""

import asyncio
import math
import time

from scoring.turns import Turns


def test_of_a_burst_one_begins_in_each_round_and_in_order() -> None:
    begun: list[tuple[int, int]] = []
    rounds = 0

    async def burst() -> None:
        turns = Turns(each=math.inf)

        async def request(number: int) -> None:
            await turns.take()
            begun.append((number, rounds))

        async def count_rounds() -> None:
            nonlocal rounds
            while len(begun) < 20:
                await asyncio.sleep(0)
                rounds += 1

        await asyncio.gather(count_rounds(), *(request(number) for number in range(20)))

    asyncio.run(asyncio.wait_for(burst(), 30))
    assert [number for number, _ in begun] == list(range(20))
    assert len({at for _, at in begun}) == 20


def test_of_a_burst_several_begin_after_a_long_round() -> None:
    async def burst() -> int:
        turns, rounds = Turns(each=0.001), 0
        waiting = [asyncio.create_task(turns.take()) for _ in range(20)]
        while not all(task.done() for task in waiting):
            time.sleep(0.02)  # noqa: ASYNC251 what the streams of a busy server do with the loop
            await asyncio.sleep(0)
            rounds += 1
        return rounds

    assert asyncio.run(asyncio.wait_for(burst(), 30)) < 10


def test_one_that_comes_alone_does_not_wait() -> None:
    async def alone() -> None:
        turns = Turns()
        for _ in range(3):
            taking = turns.take()
            try:
                taking.send(None)
            except StopIteration:
                pass
            else:
                raise AssertionError("it waited")
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(alone())


def test_one_that_gives_up_holds_nobody_up() -> None:
    async def story() -> list[int]:
        turns = Turns()
        done: list[int] = []

        async def request(number: int) -> None:
            await turns.take()
            done.append(number)

        tasks = [asyncio.create_task(request(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return done

    assert asyncio.run(asyncio.wait_for(story(), 30)) == [0, 2, 3]
