"""The way of one answer to its connection, for what goes round vLLM's middleware once the answer has begun."""

from contextvars import ContextVar
from typing import Any

from scoring.asgi import Message, Scope, Send

CONNECTION = "gatelift.connection"


class Outlet:
    """The `send` that vLLM's app is given; `direct` is the shorter way for pieces in the middle of a body."""

    def __init__(self, send: Send, direct: Send, flow: Any) -> None:
        self._send = send
        self._direct = direct
        self._flow = flow
        self.begun = False
        self.collectors: list[Any] = []  # vLLM's, of what this request asked the engine for

    async def __call__(self, message: Message) -> None:
        """Pass on a message that comes through vLLM's app."""
        self.begun = True
        await self._send(message)

    async def write(self, text: str) -> None:
        """Send a piece of the body, past the app and what watches it."""
        await self._direct({"type": "http.response.body", "body": text.encode(), "more_body": True})

    @property
    def free(self) -> bool:
        """Whether the connection takes a piece without making its sender wait."""
        return self._flow is not None and not self._flow.write_paused

    def write_now(self, text: str) -> None:
        """Send a piece of the body to a connection that is free, without waiting."""
        writing = self._direct({"type": "http.response.body", "body": text.encode(), "more_body": True})
        try:
            writing.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return
        raise RuntimeError("a connection that was free made its sender wait")


current: ContextVar[Outlet | None] = ContextVar("outlet", default=None)


def outlet(send: Send, direct: Send | None = None, flow: Any = None) -> Send:
    """Return `send` for vLLM's app, and remember it for the request that runs now."""
    way = Outlet(send, direct or send, flow)
    current.set(way)
    return way


def with_connection(scope: Scope, send: Send) -> Scope:
    """Return the scope with the connection's own `send`, for what need not be seen on its way."""
    return {**scope, "extensions": {**(scope.get("extensions") or {}), CONNECTION: send}}


def connection(scope: Scope) -> Send | None:
    """Return the connection's own `send`."""
    send: Send | None = (scope.get("extensions") or {}).get(CONNECTION)
    return send


def flow_of(connection: Send | None) -> Any:
    """Return uvicorn's flow control of a connection: it tells when the client does not keep up."""
    return getattr(getattr(connection, "__self__", None), "flow", None)
