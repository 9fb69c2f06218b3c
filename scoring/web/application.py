"""The HTTP surface: one plain ASGI callable around vLLM's own app. Nothing is decoded or encoded per chunk."""

import asyncio
import json
import logging
from typing import Any

from scoring.asgi import (
    ASGIApp,
    ClientGone,
    Receive,
    Scope,
    Send,
    send_bytes,
    send_json,
)
from scoring.contracts.info import model_info
from scoring.contracts.models import models_document
from scoring.contracts.openapi import openapi_document
from scoring.contracts.routes import TASKS, Answer, Route, find_route
from scoring.contracts.surfaces import contract_of
from scoring.engine.client import VllmEngine
from scoring.engine.repairs.body_faults import late_refusal
from scoring.problems import Problem
from scoring.web.access import check_key
from scoring.web.access_log import MODEL
from scoring.web.dispatch import Asked, dispatch
from scoring.web.metrics import CONTENT_TYPE, metrics_text
from scoring.web.service import Service
from scoring.web.watched_send import WatchedSend

logger = logging.getLogger("scoring")

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
        except Exception as error:
            mistake = late_refusal(error) if watched.streaming and not watched.ended else None
            if mistake is None:
                logger.exception("%s %s failed", scope["method"], scope["path"])
            await watched.fail(mistake or Problem(500, "The server failed to answer this request."))

    async def _serve(self, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        route, known = find_route(scope["method"], scope["path"])
        if known:
            send.contract = contract_of(known[0].surface)
        check_key(scope, route, self.service.api_keys)
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
            await send_bytes(send, 200, await self._openapi_bytes())
        elif route.answer is Answer.METRICS:
            await send_bytes(send, 200, await metrics_text(self.service), [CONTENT_TYPE])
        elif route.answer is Answer.MODELS:
            await send_json(send, 200, await models_document(self.service.engines))
        elif route.answer is Answer.INFO:
            await send_json(send, 200, model_info(self.service.engines[0]))
        else:
            await self._forward(route, scope, receive, send)

    async def _forward(self, route: Route, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        engine = self._engine(route)
        send.model = scope[MODEL] = engine.names[0]
        path = _engine_path(route, scope["path"])
        gate = self.service.gate(engine)
        if scope["method"] != "POST" or route.answer is Answer.STORED:
            stored = {**scope, "path": path, "raw_path": path.encode()}
            await self._run(engine.app, route, stored, receive, send)
            return
        gate.check_room()
        received = await self.service.intake.read_request(scope, receive, engine)
        prepared = send.contract.prepare(scope, route, received.document, engine.names[0])
        asked = Asked.of(path, received, prepared)
        with gate.admitted() as place:
            send.on_end = place.end
            await self._run(dispatch(engine, asked), route, scope, receive, send)

    async def _run(self, app: ASGIApp, route: Route, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self.service.enter(task)
        try:
            await app(scope, receive, send.contract.writer(send, route, send.model))
        except asyncio.CancelledError:
            if task not in self.service.cut_off:
                raise
            task.uncancel()
            await send.fail(Problem(503, "The server is shutting down.", retry_after=RETRY_SECONDS))
        finally:
            self.service.leave(task)

    def _engine(self, route: Route) -> VllmEngine:
        wanted = TASKS.get(route.answer)
        engine = self.service.engine_for(wanted) if wanted else self.service.engines[0]
        if engine is None:
            raise Problem(
                404,
                f"Modality not supported by the model: {route.path} needs one that can {wanted}; see /openapi.json.",
            )
        return engine

    async def _openapi_bytes(self) -> bytes:
        if self._openapi is None:  # seconds of work for FastAPI: not on the loop that answers probes and streams
            self._openapi = await asyncio.to_thread(lambda: json.dumps(openapi_document(self.service.engines)).encode())
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
