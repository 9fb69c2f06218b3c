"""`send` that knows what has been sent, so that a broken answer can still be ended in a way clients notice."""

from collections.abc import Awaitable, Callable

from scoring.asgi import Message, Send, is_event_stream, send_json
from scoring.contracts.surfaces import OPENAI, Contract
from scoring.problems import Problem


class WatchedSend:
    """One request's answer: how far it is, and by whose contract it speaks."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.contract: Contract = OPENAI
        self.model = ""
        self.status = 0
        self.ended = False
        self.on_end: Callable[[], None] | None = None
        self.streaming = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Note the message and send it: no coroutine of its own, since a stream has many messages."""
        if message["type"] == "http.response.body":
            if not message.get("more_body"):
                self.ended = True
                if self.on_end is not None:
                    self.on_end()
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            self.streaming = is_event_stream(message)
        return self._send(message)

    async def fail(self, problem: Problem) -> None:
        """Answer with the problem; a stream that has begun ends with an error event and `[DONE]`."""
        if not self.status:
            body, headers = self.contract.error(problem)
            await send_json(self, problem.status, body, headers)
        elif not self.ended:
            event = self.contract.error_event(problem, self.model) + b"data: [DONE]\n\n" if self.streaming else b""
            await self({"type": "http.response.body", "body": event, "more_body": False})
