"""The head of an answer goes out with the first piece of its body: one packet, and a client that is woken once.

uvicorn writes each of them as soon as it comes, and to wake a waiting client costs more than to write a token. A body
that does not come at once is not waited for.
"""

import asyncio
from typing import Any

LONGEST_WAIT = 0.1  # seconds


class JoinedHead:
    """Stands in for the transport of one answer until the answer has begun."""

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._transport = cycle.transport
        self._head = b""
        self._timer: asyncio.TimerHandle | None = None
        cycle.transport = self

    def write(self, data: bytes) -> None:
        """Keep the head; let it go with what comes next."""
        if self._timer is None:
            self._head = data
            self._timer = asyncio.get_running_loop().call_later(LONGEST_WAIT, self.release)
        else:
            self.release(data)

    def release(self, data: bytes = b"") -> None:
        """Write what there is, and stand aside."""
        if self._timer is not None:
            self._timer.cancel()
        if self._cycle.transport is self:
            self._cycle.transport = self._transport
            data = self._head + data
        if not self._transport.is_closing():  # the client may have left meanwhile
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once everything is written."""
        self.release()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def join_head(method: str, connection: Any) -> None:
    """Hold the head of an answer back until its body begins, where `connection` is uvicorn's `send`."""
    cycle = getattr(connection, "__self__", None)
    if method != "HEAD" and hasattr(cycle, "transport"):
        JoinedHead(cycle)
