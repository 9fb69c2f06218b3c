"""Turns of a busy event loop: what comes in bursts is begun one by one, so that what runs already goes on between."""

import asyncio
from collections import deque


class Turns:
    """Lets one task begin in each round of the event loop."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Go on: at once in a round that has had none, else in the order of asking."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next_round, loop)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # it may have been cancelled
                turn.set_result(None)
                loop.call_soon(self._next_round, loop)
                return
        self._taken = False
