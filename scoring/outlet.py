"""The way of one answer to its connection, for what goes round vLLM's middleware once the answer has begun."""

from contextvars import ContextVar

from scoring.asgi import Message, Send


class Outlet:
    """The `send` that vLLM's app is given."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Pass on a message that comes through vLLM's app."""
        self.begun = True
        await self._send(message)

    async def write(self, text: str) -> None:
        """Send a piece of the body, past the app."""
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})


current: ContextVar[Outlet | None] = ContextVar("outlet", default=None)


def outlet(send: Send) -> Send:
    """Return `send` for vLLM's app, and remember it for the request that runs now."""
    way = Outlet(send)
    current.set(way)
    return way
