"""A line for background work, which waits for places at an engine so that interactive requests need not."""

import asyncio
from collections import deque
from typing import Self

from scoring.problems import Problem
from scoring.web.admission import Admission, Place


class WaitingLine:
    """First come, first served: work enters while the engine runs fewer requests than it can at once.

    It never has more than half of those places; one of it is always under way, however busy the engine is.
    """

    def __init__(self, gate: Admission, most: int) -> None:
        self._gate = gate
        self._most = most
        self._share = max(1, gate.running // 2)
        self._waiting: deque[Ticket] = deque()
        self.inside = 0
        gate.on_leave.append(self._let_in)

    def stand(self) -> "Ticket":
        """Take a place in the line; raises `Problem` (429) when the most that may wait or run already do."""
        if len(self._waiting) + self.inside >= self._most:
            raise Problem(
                429,
                f"{self._most} responses are under way in the background already; try again shortly.",
                retry_after=self._gate.retry_after(),
            )
        ticket = Ticket(self)
        self._waiting.append(ticket)
        self._let_in()
        return ticket

    def give_back(self, ticket: "Ticket") -> None:
        """Leave the line, or the engine."""
        if ticket.place is None:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            return
        place, ticket.place = ticket.place, None
        self.inside -= 1
        place.end()

    def _let_in(self) -> None:
        while self._waiting and self._may_enter():
            self.inside += 1
            self._waiting.popleft().admit(self._gate.enter())

    def _may_enter(self) -> bool:
        gate = self._gate
        if self.inside == 0:
            return gate.inside < gate.capacity
        return self.inside < self._share and gate.inside < gate.running


class Ticket:
    """One in the line; as an async context it waits for its place and gives it back."""

    def __init__(self, line: WaitingLine) -> None:
        self._line = line
        self._called = asyncio.Event()
        self.place: Place | None = None

    def admit(self, place: Place) -> None:
        """Call it to its place."""
        self.place = place
        self._called.set()

    def give_up(self) -> None:
        """Leave the line, wherever it stands."""
        self._line.give_back(self)

    async def __aenter__(self) -> Self:
        try:
            await self._called.wait()
        except BaseException:
            self.give_up()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.give_up()
