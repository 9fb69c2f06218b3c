"""The HTTP surface: one plain ASGI callable around vLLM's own app. Nothing is decoded or encoded per chunk."""

import asyncio
import json
import logging
from typing import Any

from scoring.asgi import (
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    read_body,
    replaying,
    send_bytes,
    send_json,
    with_body,
)
from scoring.openapi_document import openapi_document
from scoring.outlet import outlet
from scoring.problems import Problem
from scoring.request_body import model_info, parse_object
from scoring.routes import Answer, Route, find_route
from scoring.service import Service
from scoring.surfaces import contract_of
from scoring.vllm_engine import EMBED, GENERATE, VllmEngine
from scoring.watched_send import WatchedSend

logger = logging.getLogger("scoring")

BODY_LIMIT = 32 * 1024 * 1024
RETRY_SECONDS = 5


class Application:
    """Routes a request by the table, refuses what cannot be served, hands the rest to the engine's app."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._openapi: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        watched = WatchedSend(send)
        try:
            await self._serve(scope, receive, watched)
        except Problem as problem:
            await watched.fail(problem)
        except ClientGone:
            return
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            await watched.fail(Problem(500, "The server failed to answer this request."))

    async def _serve(self, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        route, known = find_route(scope["method"], scope["path"])
        if known:
            send.contract = contract_of(known[0].surface)
        if route is None:
            raise _not_served(scope, sorted({other.method for other in known}))
        send.contract.check(scope)
        if route.answer is Answer.LIVE:
            await send_json(send, 200, {"status": "alive"})
        elif route.answer is Answer.READY:
            await send_json(send, 200 if self.service.ready else 503, self.service.readiness())
        elif not self.service.ready:
            raise Problem(
                503,
                f"The model is not ready to answer: {self.service.readiness()['status']}.",
                retry_after=RETRY_SECONDS,
            )
        elif route.answer is Answer.OPENAPI:
            await send_bytes(send, 200, self._openapi_bytes())
        elif route.answer is Answer.INFO:
            await send_json(send, 200, model_info(self.service.engines[0]))
        else:
            await self._forward(route, scope, receive, send)

    async def _forward(self, route: Route, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        engine = self._engine(route)
        send.model = engine.names[0]
        path = _engine_path(route, scope["path"])
        if scope["method"] == "POST":
            body = await _read(scope, receive)
            if route.answer is not Answer.STORED:
                body = send.contract.prepare(scope, route, body, parse_object(body), engine.names[0])
            scope, receive = with_body(scope, path, body), replaying(body, receive)
        else:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._run(engine, route, scope, receive, send)

    async def _run(self, engine: VllmEngine, route: Route, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self.service.enter(task)
        try:
            await engine.app(scope, receive, outlet(send.contract.writer(send, route, send.model)))
        except asyncio.CancelledError:
            if task not in self.service.cut_off:
                raise
            task.uncancel()
            await send.fail(Problem(503, "The server is shutting down.", retry_after=RETRY_SECONDS))
        finally:
            self.service.leave(task)

    def _engine(self, route: Route) -> VllmEngine:
        wanted = {Answer.GENERATE: GENERATE, Answer.STORED: GENERATE, Answer.EMBED: EMBED}.get(route.answer)
        engine = self.service.engine_for(wanted) if wanted else self.service.engines[0]
        if engine is None:
            raise Problem(
                404,
                f"Modality not supported by the model: {route.path} needs one that can {wanted}; see /openapi.json.",
            )
        return engine

    def _openapi_bytes(self) -> bytes:
        if self._openapi is None:
            self._openapi = json.dumps(openapi_document(self.service.engines)).encode()
        return self._openapi


def _not_served(scope: Scope, methods: list[str]) -> Problem:
    if methods:
        return Problem(
            405,
            f"{scope['method']} {scope['path']} is not served, only {', '.join(methods)}.",
            headers=[(b"allow", ", ".join(methods).encode())],
        )
    return Problem(404, f"{scope['method']} {scope['path']} is not served. /openapi.json lists the routes that are.")


def _engine_path(route: Route, path: str) -> str:
    found = route.pattern.fullmatch(path)
    return route.engine_path.format(**(found.groupdict() if found else {}))


async def _read(scope: Scope, receive: Receive) -> bytes:
    try:
        return await read_body(scope, receive, BODY_LIMIT)
    except BodyTooLarge as error:
        raise Problem(413, f"The body is longer than {BODY_LIMIT} bytes.") from error
