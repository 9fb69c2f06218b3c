"""`POST /v1/responses/input_tokens`: how many tokens the input of a request is."""

from scoring.asgi import send_json
from scoring.engine.client import GENERATE
from scoring.responses.endpoints.creating import Creating
from scoring.responses.keeping import Keeper
from scoring.responses.request.request import read_request
from scoring.responses.token_counts import count_tokens
from scoring.web.exchange import Exchange


class Counting:
    """Counts the tokens of requests that are not made."""

    def __init__(self, keeper: Keeper, creating: Creating) -> None:
        self._keeper = keeper
        self._creating = creating

    async def count(self, exchange: Exchange) -> None:
        """Answer a request. Raises `Problem`."""
        engine = exchange.engine_for(GENERATE)
        received = await exchange.read(engine)
        exchange.check_type(400, required=True)
        document = {"model": engine.names[0], **received.document}
        request = read_request(document, engine.names[0], self._creating.sealing)
        exchange.serve_as(engine, request.model)
        context = await self._creating.context(request, self._keeper.owner(exchange))
        with exchange.place(engine):
            tokens = await count_tokens(engine, await self._creating.chat(request, context, engine))
            await send_json(exchange.send, 200, {"object": "response.input_tokens", "input_tokens": tokens})
