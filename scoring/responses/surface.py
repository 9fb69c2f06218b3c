"""`/v1/responses` and what belongs to it: requests come in from the routes, answers go out through their exchange."""

import time
from typing import Any

from scoring.asgi import send_json
from scoring.engine.client import GENERATE
from scoring.problems import Problem
from scoring.responses.events.machine import Machine, new_response
from scoring.responses.events.writing import Event
from scoring.responses.generation import Generation, stream
from scoring.responses.prompt.chat import chat_request
from scoring.responses.prompt.sealing import sealed_texts
from scoring.responses.record import Record, read_record
from scoring.responses.request.items import new_id
from scoring.responses.request.request import Request, read_request
from scoring.responses.rounds import rounds_of
from scoring.responses.store.base import ResponseStore
from scoring.web.exchange import Exchange


class Responses:
    """The Responses API of this process over one store."""

    def __init__(self, store: ResponseStore) -> None:
        self.store = store

    async def create(self, exchange: Exchange) -> None:
        """Answer `POST /v1/responses`. Raises `Problem`."""
        engine = exchange.engine_for(GENERATE)
        received = await exchange.read(engine)
        exchange.check_type(400, required=True)
        request = read_request(received.document, engine.names[0], sealed_texts(exchange.service.settings.sealing_keys))
        context = await self._context(request)
        response = new_response(request.response_id or new_id("resp"), int(time.time()), request.said)
        machine = Machine(response, request.tools, new_id, lambda: int(time.time()), request.seal)
        chat = chat_request(request, context)
        generation = Generation(engine, machine, chat, rounds_of(request.tools, chat))
        with exchange.service.gate(engine).admitted() as place:
            exchange.send.on_end = place.end
            if request.stream:
                await stream(generation, exchange.scope, exchange.receive, exchange.send)
            else:
                await generation.run(exchange.scope, exchange.receive, _nowhere)
        if generation.problem is not None and not request.stream:
            raise generation.problem
        if request.store:
            record = Record(response, [*context, *request.items], len(request.items))
            await self.store.put(response["id"], record.to_bytes())
        if not request.stream:
            await send_json(exchange.send, 200, response)

    async def retrieve(self, exchange: Exchange, response_id: str) -> None:
        """Answer `GET /v1/responses/{id}`. Raises `Problem` (404)."""
        await send_json(exchange.send, 200, (await self._known(response_id)).response)

    async def _context(self, request: Request) -> list[dict[str, Any]]:
        if request.previous_response_id is None:
            return []
        record = await self._known(request.previous_response_id)
        return [*record.items, *record.response["output"]]

    async def _known(self, response_id: str) -> Record:
        payload = await self.store.get(response_id)
        if payload is None:
            raise Problem(404, f"Response with id '{response_id}' not found.", param="response_id")
        return read_record(payload)


async def _nowhere(events: list[Event]) -> None:
    """Take no note of events: the answer is sent whole."""
