"""Azure AI Model Inference: its four routes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from scoring.contracts.embeddings import embeddings_for_vllm
from scoring.contracts.model_inference.answers import AnswerWriter, chat_completion
from scoring.contracts.model_inference.chat_request import ChatRequest, chat_for_vllm
from scoring.contracts.model_inference.embedding_requests import (
    EmbeddingsRequest,
    ImageEmbeddingsRequest,
    encoded_for_vllm,
    images_for_vllm,
)
from scoring.contracts.model_inference.request_model import RequestModel
from scoring.contracts.model_inference.results import ChatResult, EmbeddingsResult, ErrorResult, ModelInfo
from scoring.contracts.models import model_info
from scoring.contracts.paths import CHAT, EMBEDDINGS
from scoring.engine.client import EMBED, EMBED_IMAGES, GENERATE
from scoring.web.api.answers import Answer, EngineRequest, engine_route, exchange_of
from scoring.web.api.parameters import ExtraMode, check_version, without_extras
from scoring.web.dispatch import Asked

Document = dict[str, Any]

ERROR: dict[str, Any] = {
    "model": ErrorResult,
    "description": "Error",
    "headers": {"x-ms-error-code": {"schema": {"type": "string"}}},
}
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 404, 413, 415, 422, 429, 500, 503), ERROR)
SAID: dict[str, Any] = {
    "tags": ["Azure AI Model Inference"],
    "dependencies": [Depends(check_version)],
    "responses": ERRORS,
}

info = APIRouter(**SAID)
chat = APIRouter(**SAID, route_class=engine_route(GENERATE))
embeddings = APIRouter(**SAID, route_class=engine_route(EMBED))
images = APIRouter(**SAID, route_class=engine_route(EMBED_IMAGES))
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@info.get("/info", response_model=ModelInfo)
async def model_information(request: Request) -> Response:
    """Describe the model."""
    return JSONResponse(model_info(exchange_of(request).service.engines[0]))


@chat.post("/chat/completions", response_model=ChatResult, responses=EVENTS)
async def chat_completions(request: EngineRequest, body: ChatRequest, mode: ExtraMode = "error") -> Response:
    """Go on with a chat; the answer comes in events where `stream` is true."""
    document = chat_for_vllm(_known(request, body, mode))
    return _answer(request, CHAT, document, chat_completion)


@embeddings.post("/embeddings", response_model=EmbeddingsResult)
async def text_embeddings(request: EngineRequest, body: EmbeddingsRequest, mode: ExtraMode = "error") -> Response:
    """Embed texts."""
    document, convert = encoded_for_vllm(_known(request, body, mode))
    return _answer(request, EMBEDDINGS, embeddings_for_vllm(document, exchange_of(request).service.embeddings), convert)


@images.post("/images/embeddings", response_model=EmbeddingsResult)
async def image_embeddings(request: EngineRequest, body: ImageEmbeddingsRequest, mode: ExtraMode = "error") -> Response:
    """Embed images."""
    document, convert = encoded_for_vllm(_known(request, body, mode))
    return _answer(request, EMBEDDINGS, images_for_vllm(document, exchange_of(request).service.embeddings), convert)


def _known(request: EngineRequest, body: RequestModel, mode: str) -> Document:
    """Return the document as it came without null members and extra ones, under the name that answers.

    Beside adapters a name counts, and one that none answers to is refused: raises `Problem` (404).
    """
    document = without_extras(request.received.document, body, mode)
    given = {name: value for name, value in document.items() if value is not None}
    engine, named = request.engine, given.get("model")
    if engine.adapters and isinstance(named, str) and named.strip():
        exchange_of(request).serve_as(engine, named)
        return given
    return {**given, "model": engine.names[0]}


def _answer(request: EngineRequest, path: str, document: Document, convert: Callable[[Document], Document]) -> Answer:
    exchange, engine = exchange_of(request), request.engine
    writer = AnswerWriter(exchange.send, document["model"], convert)
    return Answer(partial(exchange.ask, engine, Asked.of(path, request.received, document), writer))
