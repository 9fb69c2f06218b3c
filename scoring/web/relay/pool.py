"""The connections to a front end that are kept from one request to the next."""

import asyncio
import socket

from scoring.web.relay.upstream import Upstream, Waits

MOST_IDLE = 1024
MOST_TRIES = 200  # to connect, while others wait to be accepted
PAUSE_SECONDS = 0.01


class Pool:
    """Connections to one Unix socket; the one that was used last is used next."""

    def __init__(self, path: str, waits: Waits) -> None:
        self._path = path
        self._waits = waits
        self._idle: list[Upstream] = []

    def take(self) -> Upstream | None:
        """Return a kept connection, which may have been closed at the other end just now."""
        while self._idle:
            upstream = self._idle.pop()
            if upstream.open:
                return upstream
        return None

    async def connect(self) -> Upstream:
        """Return a new connection; wait a little where the front end has too many to accept. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            await self._connect(connection)
            _, upstream = await asyncio.get_running_loop().create_unix_connection(
                lambda: Upstream(self._waits), sock=connection
            )
        except BaseException:
            connection.close()
            raise
        return upstream

    async def _connect(self, connection: socket.socket) -> None:
        """Connect at once, as Unix sockets do; asyncio takes a full queue for an error, uvloop for a connection."""
        for _ in range(MOST_TRIES):
            try:
                connection.connect(self._path)
                return
            except BlockingIOError:
                await asyncio.sleep(PAUSE_SECONDS)
        raise TimeoutError(f"{self._path} accepts no connection")

    def give_back(self, upstream: Upstream) -> None:
        """Keep a connection whose answer has been read to its end; close it otherwise."""
        if len(self._idle) < MOST_IDLE and upstream.rest():
            self._idle.append(upstream)
        else:
            upstream.close()

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().close()
