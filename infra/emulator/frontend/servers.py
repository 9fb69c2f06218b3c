"""The front ends of all endpoints: each listens on a port of its own, the same one after a restart."""

import asyncio
import socket
from collections import Counter

from infra.emulator.frontend.app import FrontEndApp
from infra.emulator.gateway.listeners import Listener
from infra.emulator.host.host import ProcessHost
from infra.emulator.state.store import key_of
from infra.emulator.world import World

PORT_RECORD = "front-end-port"
BACKLOG = 1024


class FrontEndServers:
    """Opens and closes the front ends of endpoints, one server each."""

    def __init__(self, world: World, host: ProcessHost) -> None:
        self._world = world
        self._host = host
        self._open: dict[str, tuple[Listener, str]] = {}
        self._pending: Counter[str] = Counter()

    async def open(self, endpoint_id: str) -> str:
        """Listen for this endpoint; returns `http://127.0.0.1:PORT`. An open one keeps its port."""
        key = key_of(endpoint_id)
        if key in self._open:
            return self._open[key][1]
        listener = self._listen(key)
        app = FrontEndApp(self._world, self._host, endpoint_id.rstrip("/"), self._pending)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._open[key] = (Listener(self._world.faults.wrap(app, "endpoint"), listener), url)
        return url

    async def close(self, endpoint_id: str) -> None:
        """Stop listening for this endpoint and forget its port."""
        key = key_of(endpoint_id)
        self._world.store.delete_record(PORT_RECORD, key)
        await self._shut_down(key)

    async def close_all(self) -> None:
        """Stop listening for all endpoints; their ports are kept."""
        await asyncio.gather(*(self._shut_down(key) for key in list(self._open)))

    async def _shut_down(self, key: str) -> None:
        if key in self._open:
            await self._open.pop(key)[0].close()

    def _listen(self, key: str) -> socket.socket:
        kept = (self._world.store.record(PORT_RECORD, key) or {}).get("port", 0)
        # Created as TCP explicitly, or asyncio leaves Nagle's algorithm on, which holds small answers back for 40 ms.
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", kept))
        except OSError:
            listener.bind(("127.0.0.1", 0))  # another process has taken the port in the meantime
        listener.listen(BACKLOG)
        port = listener.getsockname()[1]
        if port != kept:
            self._world.store.put_record(PORT_RECORD, key, {"port": port})
        return listener
