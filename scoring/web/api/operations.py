"""What those who run the server ask: health, metrics, and the description of all that is served."""

import asyncio
import json
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from scoring.web.api.answers import Answer, exchange_of
from scoring.web.api.openapi import openapi_document
from scoring.web.metrics import CONTENT_TYPE, metrics_text
from scoring.web.probes import PROBES, answer_probe

OBJECT: dict[str, Any] = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
OK: dict[int | str, dict[str, Any]] = {200: {"description": "OK", "content": OBJECT}}
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Not ready"}}
router = APIRouter(tags=["Azure Machine Learning"])


async def probe(request: Request) -> Response:
    """Tell how the server is. The application answers these paths in every state, before they get here."""
    exchange = exchange_of(request)
    return Answer(partial(answer_probe, PROBES[request.url.path], exchange.service, exchange.send))


router.add_api_route("/health", probe, responses=NOT_READY, response_class=PlainTextResponse)
router.add_api_route("/health/live", probe, responses=OK)
router.add_api_route("/health/ready", probe, responses={**OK, 503: {"description": "Not ready", "content": OBJECT}})


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Give vLLM's metrics and this server's, in Prometheus' text."""
    text = await metrics_text(exchange_of(request).service)
    return Response(text, headers={"content-type": CONTENT_TYPE[1].decode()})


@router.get("/openapi.json", responses=OK)
async def openapi(request: Request) -> Response:
    """Describe all that is served."""
    state = request.app.state
    if not hasattr(state, "openapi"):  # seconds of work for FastAPI: not on the loop that answers probes and streams
        document = await asyncio.to_thread(openapi_document, request.app, state.service.engines)
        state.openapi = json.dumps(document).encode()
    return Response(state.openapi, media_type="application/json")
