"""The short way of a chat request to vLLM's own handler: without FastAPI's routing, parsing and layers of middleware.

The handler, its request model and its error handlers are vLLM's; only what FastAPI does between them is left out. What
is not an ordinary request (a body that the model refuses, a browser's cross-origin request) takes the whole way through
vLLM's app. A vLLM whose route is not the one known here, or with middleware that wants to see requests, has none.
"""

import copy
import logging
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse

from scoring import inline_render
from scoring.asgi import ASGIApp, Receive, Scope, Send, header
from scoring.connected import while_connected
from scoring.routes import CHAT
from scoring.source_hash import source_hash

logger = logging.getLogger("scoring")

# vLLM's route for chat completions, by a hash of its source: 0.32.0.
KNOWN_ROUTES = frozenset({"6e35ea67c25c7ec7"})
# CORS answers browsers, which are told by their Origin header; scaling is started by a route that is not served here.
SKIPPED = frozenset({"CORSMiddleware", "ScalingMiddleware"})
METRICS = "PrometheusInstrumentatorMiddleware"
REQUEST = "gatelift.request"


class ShortWay:
    """vLLM's chat route of one app."""

    def __init__(self, app: Any, route: Any, model: Any, metrics: Any) -> None:
        self._app = app
        self._endpoint = route.endpoint.__wrapped__  # what is under vLLM's own watch for clients that have gone
        self._model = model
        self._metrics = metrics
        self._metrics.app = self._answer

    def find(self, path: str, scope: Scope, document: dict[str, Any], size: int) -> ASGIApp | None:
        """Return what answers this request (a body of `size` bytes) to one of vLLM's paths, or None if it cannot."""
        if path != CHAT or header(scope, b"origin") is not None:
            return None
        try:
            request = self._model.model_validate(document)
        except Exception:  # whatever is wrong with it: vLLM's app says so in its own words
            return None

        async def way(scope: Scope, receive: Receive, send: Send) -> None:
            inline_render.small.set(inline_render.is_small(document, size))
            own = {**scope, "path": path, "raw_path": path.encode(), "app": self._app, REQUEST: request}
            await self._metrics(own, receive, send)

        return way

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        afterwards = await while_connected(receive, self._handle(scope, receive, send))
        if afterwards is not None:
            await afterwards()

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> BackgroundTask | None:
        """Answer; return what is to be done when the answer has ended."""
        raw_request = Request(scope, receive)
        try:
            response = await self._endpoint(scope[REQUEST], raw_request)
        except Exception as error:
            handlers = self._app.exception_handlers
            response = await next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)(
                raw_request, error
            )
        afterwards: BackgroundTask | None = response.background
        response.background = None
        if type(response) is StreamingResponse:
            await _send_stream(response, send)
        else:
            await response(scope, receive, send)
        return afterwards


async def _send_stream(response: StreamingResponse, send: Send) -> None:
    """Send a stream as Starlette does, but for the watch: it is kept already."""
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    async for chunk in response.body_iterator:
        body = chunk.encode(response.charset) if isinstance(chunk, str) else chunk
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def find_short_way(app: Any, *, wanted: bool = True) -> ShortWay | None:
    """Return the short way through an app that has answered a request; None if its vLLM is not known."""
    if not wanted:
        return None
    route = next((route for route in app.routes if getattr(route, "path", "") == CHAT), None)
    if route is None:
        return None
    try:
        found = source_hash(route.endpoint)
        (field,) = route.dependant.body_params
        metrics = _metrics_layer(app)
    except (AttributeError, OSError, TypeError, ValueError) as error:
        found, metrics = f"{type(error).__name__}: {error}", None
    if found not in KNOWN_ROUTES:
        logger.info("[short way] off: this vLLM answers chat completions in a way that is not known here (%s)", found)
        return None
    if metrics is None:
        return None
    return ShortWay(app, route, field.field_info.annotation, metrics)


def _metrics_layer(app: Any) -> Any:
    """Return the layer that counts requests, if no other layer wants to see them."""
    if any(layer.cls.__name__ not in {*SKIPPED, METRICS} for layer in app.user_middleware):
        return None
    layer = app.middleware_stack
    while layer is not None and type(layer).__name__ != METRICS:
        layer = getattr(layer, "app", None)
    counting = copy.copy(layer)
    if hasattr(counting, "_get_handler"):
        counting._get_handler = lambda request: (CHAT, True)  # instead of a look at every route
    return counting
