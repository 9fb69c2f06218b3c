"""OpenAI's API beside the relayed paths: vLLM's handlers answer it, one route each."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from scoring.contracts.embeddings import embeddings_for_vllm
from scoring.contracts.models import model_document, models_document
from scoring.contracts.openai_requests import openai_for_vllm
from scoring.contracts.paths import EMBEDDINGS, RELAYED
from scoring.engine.client import EMBED, GENERATE
from scoring.web.api.answers import Answer, PlainRoute, exchange_of


class OpenAiError(BaseModel):
    """The error object of OpenAI's API, as vLLM writes it."""

    class Error(BaseModel):
        """What went wrong; `code` is the status."""

        message: str
        type: str
        param: str | None
        code: int

    error: Error


SAID: dict[str, Any] = {
    "tags": ["OpenAI"],
    "responses": {"4XX": {"model": OpenAiError, "description": "Error"}},
    "route_class": PlainRoute,
}
models = APIRouter(**SAID)
generation = APIRouter(**SAID)
embeddings = APIRouter(**SAID)


async def relayed(request: Request) -> Response:
    """Complete a chat or a text. The application hands these paths to an engine before they get here."""
    return Answer(partial(exchange_of(request).answer_openai, GENERATE, RELAYED[request.url.path]))


for path in RELAYED:
    generation.add_api_route(path, relayed, methods=["POST"])


@embeddings.post(EMBEDDINGS)
async def create_embeddings(request: Request) -> Response:
    """Embed texts, tokens or messages."""
    exchange = exchange_of(request)
    facts = exchange.service.embeddings

    def for_vllm(document: dict[str, Any], name: str) -> dict[str, Any]:
        return embeddings_for_vllm(openai_for_vllm(document, name), facts)

    return Answer(partial(exchange.answer_openai, EMBED, EMBEDDINGS, for_vllm))


@models.get("/v1/models")
async def list_models(request: Request) -> Response:
    """List the models of all engines."""
    return JSONResponse(await models_document(exchange_of(request).service.engines))


@models.get("/v1/models/{model_id:path}")
async def retrieve_model(request: Request, model_id: str) -> Response:
    """Describe one model; its name may hold slashes."""
    return JSONResponse(await model_document(exchange_of(request).service.engines, model_id))
