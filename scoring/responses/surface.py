"""`/v1/responses` with a store: what the clients' requests refer to comes from it, what they get goes into it.

Stands between our routes and vLLM's app. `POST` is vLLM's; `GET`, `DELETE`, its twin `POST …/delete` and `cancel` are
answered here, by whichever instance is asked.
"""

import json
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from scoring.asgi import ASGIApp, Message, Receive, Scope, Send, read_body, replaying, send_json
from scoring.engine.repairs.responses import Exchange, current, decode_previous, take_over
from scoring.problems import RETRY_SECONDS, Problem
from scoring.responses.background import BackgroundResponses
from scoring.responses.record import Record, event_text, read_record
from scoring.responses.store.base import ResponseStore, StoreUnavailable

logger = logging.getLogger("scoring")

PATH = "/v1/responses"
ID = re.compile(r"[A-Za-z0-9_-]{1,256}")  # what one can ask for later, as a part of the path
EVENT_STREAM = [(b"content-type", b"text/event-stream; charset=utf-8")]


def refusal(status: int, message: str, param: str = "response_id") -> Problem:
    """Return a refusal in the words that vLLM's own handler uses."""
    return Problem(status, message, param=param, kind="invalid_request_error")


def not_found(response_id: str) -> Problem:
    """Return what vLLM answers for an id that it does not know."""
    return refusal(404, f"Response with id '{response_id}' not found.")


class ResponsesSurface:
    """The Responses API of this process's engines over one store."""

    def __init__(self, store: ResponseStore, background: BackgroundResponses) -> None:
        self.store = store
        self.background = background

    def around(self, app: Any) -> Any:
        """Return vLLM's app with this surface in front; the app itself where its model cannot generate."""
        handler = getattr(app.state, "openai_serving_responses", None)
        return app if handler is None else ResponsesApp(app, handler, self)

    async def answer(self, app: ASGIApp, handler: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below /v1/responses; `handler` is vLLM's. Raises `Problem` (400, 404, 429, 503)."""
        response_id, _, action = scope["path"][len(PATH) :].lstrip("/").partition("/")
        try:
            if not response_id:
                await self._create(app, handler, scope, receive, send)
            elif action == "cancel":
                await send_json(send, 200, await self._cancel(response_id))
            elif scope["method"] == "DELETE" or action == "delete":
                await self._delete(response_id)
                await send_json(send, 200, {"id": response_id, "object": "response", "deleted": True})
            else:
                await self._retrieve(response_id, scope, send)
        except StoreUnavailable as error:
            logger.error("[responses] the store does not answer: %s", error)
            raise Problem(503, "Stored responses cannot be reached now.", retry_after=RETRY_SECONDS) from error

    async def _create(self, app: ASGIApp, handler: Any, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, limit=1 << 62)  # the surface in front of us has its limit
        exchange = Exchange()
        if any(word in body for word in (b'"previous_response_id"', b'"request_id"', b'"background"')):
            await self._look_up(exchange, handler, json.loads(body))

        answer = _Unread(send, lambda: not exchange.begun and not _is_dead(handler))

        async def saving(message: Message) -> None:
            # Saved before the client can know of it: its next request may go to another instance.
            if exchange.unsaved:
                await self._save(exchange)
            await answer(message)

        token = current.set(exchange)
        try:
            await app(scope, replaying(body, receive), saving)
        except Exception as error:
            if not answer.held:
                raise
            logger.info("[responses] vLLM cannot read a request: %s: %s", type(error).__name__, error)
        finally:
            current.reset(token)
        if answer.held:
            raise refusal(400, f"This request cannot be read: {answer.reason()}.", "input")

    async def _look_up(self, exchange: Exchange, handler: Any, request: dict[str, Any]) -> None:
        previous_id, own_id = request.get("previous_response_id"), request.get("request_id")
        if isinstance(own_id, str) and not ID.fullmatch(own_id):
            raise refusal(400, "'request_id' may hold letters, digits, '_' and '-', at most 256.", "request_id")
        if isinstance(own_id, str) and await self._find(own_id) is not None:
            raise refusal(400, f"Response with id '{own_id}' exists already.", "request_id")
        if request.get("background") is True:
            self.background.check_room()
        if isinstance(previous_id, str) and (record := await self._find(previous_id)) is not None:
            if record.unfinished:
                raise refusal(400, f"Response with id '{previous_id}' has not ended yet.", "previous_response_id")
            exchange.previous = decode_previous(handler, record.response, record.messages)

    async def _save(self, exchange: Exchange) -> None:
        if exchange.task is not None:
            await self.background.begin(exchange)  # its watcher stores what follows
            return
        try:
            await self.background.save(exchange)
        except StoreUnavailable as error:
            # The answer is there and has been paid for: it is given, and cannot be referred to later.
            logger.error("[responses] %s is not stored: %s", exchange.id, error)

    async def _find(self, response_id: str) -> Record | None:
        payload = await self.store.get(response_id)
        return None if payload is None else read_record(payload)

    async def _known(self, response_id: str) -> Record:
        record = await self._find(response_id)
        if record is None:
            raise not_found(response_id)
        return record

    async def _retrieve(self, response_id: str, scope: Scope, send: Send) -> None:
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        record = await self._known(response_id)
        if query.get("stream", "").lower() not in ("true", "1"):
            await send_json(send, 200, record.response)
            return
        starting_after = query.get("starting_after")
        if starting_after is not None and not starting_after.isdecimal():
            raise refusal(400, "'starting_after' must be a number of an event.", "starting_after")
        await self._stream(record, response_id, int(starting_after) if starting_after else None, send)

    async def _stream(self, record: Record, response_id: str, starting_after: int | None, send: Send) -> None:
        exchange = self.background.running.get(response_id)
        if record.events is None and (exchange is None or not exchange.logs_events):
            reason = (
                "another instance generates it: ask without 'stream' until it has ended"
                if record.unfinished and exchange is None
                else "it was not created with background=true and stream=true"
            )
            raise refusal(400, f"Response with id '{response_id}' cannot be streamed: {reason}.", "stream")
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        if record.events is not None:
            first = 0 if starting_after is None else starting_after + 1
            text = "".join(record.events[first:])
            await send({"type": "http.response.body", "body": text.encode()})
            return
        assert exchange is not None  # noqa: S101  (checked above)
        async for event in exchange.follow(starting_after):
            await send({"type": "http.response.body", "body": event_text(event).encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _cancel(self, response_id: str) -> dict[str, Any]:
        record = await self._known(response_id)
        if not record.response.get("background"):
            raise refusal(400, "Cannot cancel a synchronous response.")
        if record.unfinished:
            record.response["status"] = "cancelled"
            # The instance that generates it looks here every now and then; ours is told at once.
            await self.store.put(response_id, record.to_bytes())
            await self.background.cancel(response_id)
        return record.response

    async def _delete(self, response_id: str) -> None:
        if not await self.store.delete(response_id):
            raise not_found(response_id)
        await self.background.cancel(response_id)


class _Unread:
    """`send` that holds back a 500 from before the engine was asked: nothing but the request can be its cause.

    vLLM 0.32 checks the items of `input` only loosely and then fails on them, e.g. on a message without content.
    """

    def __init__(self, send: Send, unread: Callable[[], bool]) -> None:
        self._send = send
        self._unread = unread
        self._body = b""
        self.held = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.held = message["status"] == 500 and self._unread()
        if not self.held:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def reason(self) -> str:
        """Return vLLM's words."""
        try:
            return str(json.loads(self._body)["error"]["message"])[:300].rstrip(".")
        except (ValueError, KeyError, TypeError):
            return "an item of the input is not as it should be"


def _is_dead(handler: Any) -> bool:
    return bool(getattr(getattr(handler, "engine_client", None), "errored", False))


class ResponsesApp:
    """vLLM's app, but for what lies below /v1/responses."""

    def __init__(self, app: Any, handler: Any, surface: ResponsesSurface) -> None:
        take_over(handler)
        self._app = app
        self._handler = handler
        self._surface = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"] + "/").startswith(PATH + "/"):
            await self._surface.answer(self._app, self._handler, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)
