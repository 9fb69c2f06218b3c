"""Turns of a busy event loop: what comes in bursts is begun bit by bit, so that what runs already goes on between."""

import asyncio
from collections import deque

EACH = 0.012  # seconds


class Turns:
    """Lets one task begin in each round of the event loop, and one more for each `each` seconds of the round before.

    A round in which hundreds of streams have something to write is long: with one beginning in each of them the last of
    a burst would wait for seconds, and the streams' share of the time would be nearly all of it.
    """

    def __init__(self, each: float = EACH) -> None:
        self._each = each
        self._round_began = 0.0
        self._credit = 0.0  # turns of this round, and what is left of one for the next
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Go on: at once in a round that has had none, else in the order of asking."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            self._round_began = loop.time()
            loop.call_soon(self._next_round, loop)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._credit = self._credit % 1.0 + 1.0 + (now - self._round_began) / self._each
        self._round_began = now
        begun = 0
        while self._waiting and begun < int(self._credit):
            turn = self._waiting.popleft()
            if not turn.done():  # it may have been cancelled
                turn.set_result(None)
                begun += 1
        if begun:
            loop.call_soon(self._next_round, loop)
        else:
            self._taken = False
