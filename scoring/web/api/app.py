"""The FastAPI app: which routers there are, and how FastAPI's own refusals become ours."""

import re
from typing import NoReturn

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from scoring.contracts.model_inference.request_model import problem_of
from scoring.contracts.paths import AZURES_PREFIXES
from scoring.engine.client import EMBED, EMBED_IMAGES, GENERATE
from scoring.problems import Problem
from scoring.responses.surface import Responses
from scoring.web.api import conversations, model_inference, openai, operations, responses
from scoring.web.service import Service

# By what an engine must be able to do; a route that no engine can answer says so and is not described.
ROUTERS: tuple[tuple[str | None, APIRouter], ...] = (
    (GENERATE, responses.router),  # first: its requests are the most frequent that come this far
    (None, operations.router),
    (None, openai.models),
    (GENERATE, openai.generation),
    (GENERATE, conversations.router),
    (EMBED, openai.embeddings),
)
AZURES_ROUTERS: tuple[tuple[str | None, APIRouter], ...] = (
    (None, model_inference.info),
    (GENERATE, model_inference.chat),
    (EMBED, model_inference.embeddings),
    (EMBED_IMAGES, model_inference.images),
)


def build_api(service: Service, stored: Responses) -> FastAPI:
    """Return the app of a service whose engines are there; the application around it words all that it raises."""
    app = FastAPI(
        title="gatelift: " + ", ".join(service.engines[0].names),
        version="1",
        openapi_url=None,  # ours joins vLLM's document in
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.service = service
    app.state.responses = stored
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(Exception, _leave_to_the_application)
    tasks = {task for engine in service.engines for task in engine.tasks}
    for task, router in ROUTERS:
        app.include_router(router, include_in_schema=task is None or task in tasks)
    for prefix in AZURES_PREFIXES:
        for task, router in AZURES_ROUTERS:
            described = not prefix and (task is None or task in tasks)
            app.include_router(router, prefix=prefix, include_in_schema=described)
    return app


def operation_id(route: APIRoute) -> str:
    """Name an operation by its method and its path."""
    words = re.findall(r"\w+", route.path_format)
    return "_".join([min(route.methods).lower(), *(words or ["root"])])


async def _unprocessable(request: Request, error: Exception) -> NoReturn:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (FastAPI calls this with no other)
    raise problem_of(error.errors(), error.body) from None


async def _not_served(request: Request, error: Exception) -> NoReturn:
    method, path = request.method, request.url.path
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = ", ".join(sorted({name for route in routes for name in route.methods}))
    if methods:
        allow = [(b"allow", methods.encode())]
        raise Problem(405, f"{method} {path[:200]} is not served, only {methods}.", headers=allow)
    raise Problem(
        404,
        f"{method} {path[:200]} is not served. /openapi.json lists the routes that are; a client's base URL ends in /v1"
        " for OpenAI's API, and has no path for Azure AI Model Inference.",
    )


async def _leave_to_the_application(request: Request, error: Exception) -> Response:
    return _Nothing()


class _Nothing(Response):
    """No answer: Starlette raises the error again, and the application around us answers it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""
