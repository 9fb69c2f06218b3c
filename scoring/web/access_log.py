"""One line of JSON for each request: what was asked, how it went, how long it took; never a prompt, never a secret."""

import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable
from typing import Any

from scoring.asgi import ASGIApp, Message, Receive, Scope, Send, header
from scoring.web.counts import RequestCounts

logger = logging.getLogger("scoring.access")

SAFE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
CLIENT_ID = re.compile(r"[^A-Za-z0-9_-]")
TOKENS = re.compile(rb'"(prompt_tokens|completion_tokens|input_tokens|output_tokens)": ?(\d+)')
NAMES = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
TAIL = 4096
MODEL = "scoring.model"  # the scope's key for who answers, written once that is known
FRONT = "scoring.front"  # the same for the front that does: "rust" or "python"
ROUTE = "scoring.route"  # the same for the route that was found
PROBES = ("/health", "/health/live", "/health/ready")


class AccessLog:
    """Gives each request an id, sends it back, and writes the line and counts it when the answer has ended."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        line = AccessLine(scope)
        own = _with_own_ids(scope)

        def sending(message: Message) -> Awaitable[None]:
            line.note(message)
            return send(message)

        try:
            await self._app(own, receive, sending)
        finally:
            route = f"{scope['method']} {own.get(ROUTE) or '(not served)'}"
            front = own.get(FRONT, "")
            self._counts.note(route, line.status, front)
            if not _is_quiet(own.get(ROUTE, ""), line.status):
                line.write(route, own.get(MODEL, ""), front)


class AccessLine:
    """What is known of one request."""

    def __init__(self, scope: Scope) -> None:
        self._began = time.monotonic()
        given = header(scope, b"x-request-id") or ""
        self._id = given if SAFE_ID.fullmatch(given) else str(uuid.uuid4())
        self._client_id = CLIENT_ID.sub("", header(scope, b"x-ms-client-request-id") or "")[:40]
        self._status = 0
        self._first: float | None = None
        self._tail = b""
        self._ended = False

    @property
    def status(self) -> int:
        """The status of the answer; 499 for one that has not come to its end."""
        return self._status if self._ended else 499

    def note(self, message: Message) -> None:
        """Look at a message on its way out, and give its start the ids; called for each piece of a stream."""
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._first is None and body:
                self._first = time.monotonic()
            if not message.get("more_body"):
                self._ended = True
            if b"_tokens" in body:
                self._tail = body[-TAIL:]
        elif message["type"] == "http.response.start":
            self._status = message["status"]
            ids = [(b"x-request-id", self._id.encode())]
            if self._client_id:
                ids.append((b"x-ms-client-request-id", self._client_id.encode()))
            message["headers"] = [*message["headers"], *ids]

    def write(self, route: str, model: str, front: str = "") -> None:
        """Write the line."""
        now = time.monotonic()
        line: dict[str, Any] = {
            "route": route,
            "status": self.status,
            "seconds": round(now - self._began, 3),
            "request_id": self._id,
        }
        if model:
            line["model"] = model
        if front:
            line["front"] = front
        if self._client_id:
            line["client_request_id"] = self._client_id
        if self._first is not None:
            line["first_byte_seconds"] = round(self._first - self._began, 3)
        for name, count in TOKENS.findall(self._tail):
            line[NAMES.get(name.decode(), name.decode())] = int(count)
        logger.info("%s", json.dumps(line))


def _is_quiet(route: str, status: int) -> bool:
    """Whether it is a probe or metrics that were given."""
    return route in PROBES or (route == "/metrics" and status < 400)


def _with_own_ids(scope: Scope) -> Scope:
    """Keep the caller's ids from vLLM: it builds its own out of them, and two requests with one id would meet."""
    kept = [(k, v) for k, v in scope["headers"] if k not in (b"x-request-id", b"x-data-parallel-rank")]
    return {**scope, "headers": kept}
