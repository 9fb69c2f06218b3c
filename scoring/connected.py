"""Work that ends when its client has gone: one task that listens, instead of two that race."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from scoring.asgi import Receive

T = TypeVar("T")

AGAIN = 0.5  # seconds: `asyncio.wait_for` loses a cancellation that comes together with its result


async def while_connected(receive: Receive, work: Awaitable[T]) -> T | None:
    """Return what the work returns; cancel it, and return None, when the client leaves before that.

    The request's body must have been read: whatever else the client sends is thrown away. The end of the answer looks
    like the client's leaving, so the work must not wait for anything after that.
    """
    own = asyncio.current_task()
    assert own is not None  # noqa: S101
    cancelled = 0

    async def listen() -> None:
        nonlocal cancelled
        while (await receive())["type"] != "http.disconnect":
            pass
        while True:
            cancelled += 1
            own.cancel()
            await asyncio.sleep(AGAIN)

    listener = asyncio.create_task(listen())
    try:
        return await work
    except asyncio.CancelledError:
        if own.cancelling() > cancelled or not cancelled:  # somebody else wants it to end, too
            raise
        return None
    finally:
        listener.cancel()
        for _ in range(cancelled):
            own.uncancel()
