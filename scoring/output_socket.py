"""The socket by which the engine's results come in, without pyzmq's bookkeeping for each of them.

For every message pyzmq's asyncio socket looks up two options and makes three objects: a ninth of this process's CPU
while 16 streams run. Its own call that does not block, and one future while there is nothing, do the same.
"""

import asyncio
import contextlib
from typing import Any

import zmq
import zmq.asyncio

from scoring.source_hash import is_known

# pyzmq's asyncio Socket (27.3) and who receives by it, vLLM's AsyncMPClient (0.32.0), by a hash of their source.
KNOWN_SOCKETS = frozenset({"dd7f7c335f5de19e"})
ASYNCHRONOUS = 4  # classes: Socket, _AsyncIO, _AsyncSocket, _Async

Socket: Any = zmq.asyncio.Socket  # whose annotations are those of a socket that is not asynchronous


class OutputSocket(Socket):  # type: ignore[misc]
    """pyzmq's asyncio socket with a `recv_multipart` of its own: nothing else may receive."""

    _waiting: asyncio.Future[None] | None = None

    async def recv_multipart(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """Return the frames of the next message; for one task at a time."""
        while True:
            try:
                return self._shadow_sock.recv_multipart(flags | zmq.NOBLOCK, copy, track)
            except zmq.Again:
                self._waiting = self._get_loop().create_future()  # the first time, it begins to watch the socket
                await self._waiting

    def _handle_events(self, fd: int = 0, events: int = 0) -> None:
        """Wake who waits: there may be something."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        else:
            self._shadow_sock.get(zmq.EVENTS)  # else this would be called again and again until somebody receives

    def close(self, linger: int | None = None) -> None:
        """Close it, and end who waits."""
        if self._waiting is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, too: nobody is left to be told
                self._waiting.cancel()
        super().close(linger)


def install(core: Any) -> bool:
    """Give vLLM's client of the engine's process such a socket, if all is known; tell whether it has it now."""
    resources: Any = getattr(core, "resources", None)
    socket: Any = getattr(resources, "output_socket", None)

    def parts() -> tuple[Any, ...]:
        return (*type(socket).__mro__[:ASYNCHRONOUS], type(core)._ensure_output_queue_task)

    if (
        not is_known("output socket", parts, KNOWN_SOCKETS, of="vLLM or pyzmq")
        or resources.output_queue_task is not None
    ):
        return False
    socket.__class__ = OutputSocket
    return True
