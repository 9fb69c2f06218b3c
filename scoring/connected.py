"""Work that ends when its client has gone: one task that listens, instead of two that race."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from scoring.asgi import Receive

T = TypeVar("T")


async def while_connected(receive: Receive, work: Awaitable[T]) -> T | None:
    """Return what the work returns; cancel it, and return None, when the client leaves before that.

    The request's body must have been read: whatever else the client sends is thrown away.
    """
    own = asyncio.current_task()
    assert own is not None  # noqa: S101
    gone = False

    async def listen() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        own.cancel()

    listener = asyncio.create_task(listen())
    try:
        return await work
    except asyncio.CancelledError:
        if not gone or own.uncancel() > 0:  # somebody else wants it to end, too
            raise
        return None
    finally:
        listener.cancel()
