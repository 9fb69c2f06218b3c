"""How a route hands its request to an engine: as a response that is the exchange itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from scoring.asgi import JSON_TYPE
from scoring.contracts.model_inference.request_model import in_azures_words
from scoring.engine.client import VllmEngine
from scoring.problems import Problem
from scoring.web.exchange import Exchange
from scoring.web.intake import Received


class Answer(Response):
    """An answer that is sent as it comes, past FastAPI: `answer` sends it and raises what goes wrong."""

    def __init__(self, answer: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer by the exchange's own `send`."""
        await self._answer()


def exchange_of(request: Request) -> Exchange:
    """Return the exchange that a request belongs to."""
    exchange: Exchange = request.scope[Exchange.KEY]
    return exchange


class PlainRoute(APIRoute):
    """A route whose endpoint is given the request and the names in its path: FastAPI describes it and reads nothing."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the endpoint; FastAPI's own handler costs a request as much as all of our checks."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return handle


class EngineRequest(Request):
    """A request whose body has been read and checked, which FastAPI would do without limits."""

    def __init__(self, scope: Scope, engine: VllmEngine, received: Received) -> None:
        headers = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
        super().__init__({**scope, "headers": [*headers, JSON_TYPE]})
        self.engine = engine
        self.received = received

    async def body(self) -> bytes:
        """Return the bytes."""
        return self.received.body

    async def json(self) -> Any:
        """Return what they say."""
        return self.received.document


def engine_route(task: str) -> type[APIRoute]:
    """Return the class of routes that an engine answers which does this task; their endpoints get `EngineRequest`."""

    class EngineRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handle = super().get_route_handler()

            async def read(request: Request) -> Response:
                exchange = exchange_of(request)
                engine = exchange.engine_for(task)
                try:
                    received = await exchange.read(engine)
                except Problem as problem:
                    raise in_azures_words(problem) from problem
                exchange.check_type(415, required=False)
                response: Response = await handle(EngineRequest(request.scope, engine, received))
                return response

            return read

    return EngineRoute
