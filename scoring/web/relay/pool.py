"""The connections to a front end that are kept from one request to the next."""

import asyncio

from scoring.web.relay.upstream import Upstream, Waits

MOST_IDLE = 1024


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
        """Return a new connection. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, upstream = await loop.create_unix_connection(lambda: Upstream(self._waits), self._path)
        return upstream

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
