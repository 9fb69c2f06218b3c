"""The events of one answer on their way to its client: sent at once, wherever their bytes come in."""

import types
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

from scoring.asgi import Send

LONGEST_EVENT = 64 * 1024  # what is longer is sent in parts
END = b"\n\n"


class EventStream:
    """Sends the events of an answer, rewritten, as soon as they are whole.

    A `send` that does not have to wait ends at its first step: that step is taken by who has read the bytes, so that
    no task is woken for each of them. What is left of one that has to wait is for the request's own task.
    """

    def __init__(self, send: Send, rewrite: Callable[[bytes], bytes]) -> None:
        self._send = send
        self._rewrite = rewrite
        self.ended = False
        self._begun = b""  # of an event that is not whole yet
        self._unsent: Awaitable[None] | None = None

    def give(self, piece: bytes, *, more: bool) -> bool:
        """Send the events that these bytes complete; False if `wait` must be awaited before the next ones."""
        self.ended = not more
        if self._begun or piece[-2:] != END:
            piece = self._whole_events(self._begun + piece, more=more)
            if not piece and more:
                return True
        message = {"type": "http.response.body", "body": self._rewrite(piece), "more_body": more}
        steps = self._send(message).__await__()
        try:
            awaited = next(steps)
        except StopIteration:
            return True
        self._unsent = _rest(awaited, steps)
        return False

    async def wait(self) -> None:
        """Wait until the client has taken what was given last."""
        if self._unsent is not None:
            unsent, self._unsent = self._unsent, None
            await unsent

    def _whole_events(self, data: bytes, *, more: bool) -> bytes:
        if not more or len(data) > LONGEST_EVENT:
            self._begun = b""
            return data
        end = data.rfind(END) + 2 if END in data else 0
        self._begun = data[end:]
        return data[:end]


@types.coroutine
def _rest(awaited: Any, steps: Iterator[Any]) -> Generator[Any, Any, None]:
    """Go on with an awaitable whose first step has been taken: wait for what that step waits for, then do the rest."""
    yield awaited
    yield from steps
