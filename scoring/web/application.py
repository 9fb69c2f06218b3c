"""The HTTP surface: one plain ASGI callable in front of all. Nothing is decoded or encoded per chunk."""

import asyncio
import logging
from typing import Any

from scoring.asgi import ClientGone, Receive, Scope, Send
from scoring.contracts.paths import AZURES, RELAYED
from scoring.contracts.surfaces import contract_of
from scoring.engine.client import GENERATE
from scoring.engine.repairs.body_faults import late_refusal
from scoring.problems import RETRY_SECONDS, Problem, shortened
from scoring.web.access import check_key
from scoring.web.access_log import ROUTE
from scoring.web.exchange import Exchange
from scoring.web.probes import PROBES, answer_probe
from scoring.web.service import Service
from scoring.web.watched_send import WatchedSend

logger = logging.getLogger("scoring")


class Application:
    """Answers probes in every state, hands relayed paths to the engine and the rest to the routers, words errors."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self.service.enter(task)  # from its head on: a client that still sends its body is waited for, too
        watched = WatchedSend(send)
        watched.contract = contract_of(scope["path"])
        try:
            await self._serve(scope, receive, watched)
        except Problem as problem:
            await watched.fail(problem)
        except ClientGone:
            return
        except asyncio.CancelledError:
            if task not in self.service.cut_off:
                raise
            task.uncancel()
            await watched.fail(Problem(503, "The server is shutting down.", retry_after=RETRY_SECONDS))
        except Exception as error:
            mistake = late_refusal(error) if watched.streaming and not watched.ended else None
            if mistake is None:
                logger.exception("%s %s failed", scope["method"], shortened(scope["path"], 200))
            await watched.fail(mistake or Problem(500, "The server failed to answer this request."))
        finally:
            self.service.leave(task)

    async def _serve(self, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        path, service = scope["path"], self.service
        if path in PROBES or path in RELAYED or path in AZURES:
            scope[ROUTE] = path
        if scope["method"] == "HEAD":
            scope["method"] = "GET"  # uvicorn leaves the body out
        if path in PROBES and scope["method"] == "GET":
            await answer_probe(PROBES[path], service, send)
            return
        check_key(scope, service.api_keys)
        if not service.ready or service.api is None:
            status = service.readiness()["status"]
            raise Problem(503, f"The model is not ready to answer: {status}.", retry_after=service.retry_seconds)
        exchange = Exchange(service, scope, receive, send)
        if path in RELAYED and scope["method"] == "POST":
            await exchange.answer_openai(GENERATE, RELAYED[path])
            return
        scope[Exchange.KEY] = exchange
        try:
            await service.api(scope, receive, send)
        finally:
            if "route" in scope:
                scope[ROUTE] = scope["route"].path_format
