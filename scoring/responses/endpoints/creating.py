"""`POST /v1/responses`: from the request to its answer, at once or in the background."""

import logging
import time
from dataclasses import replace
from typing import Any

from scoring.asgi import send_json
from scoring.engine.client import GENERATE, VllmEngine
from scoring.problems import INVALID, Problem
from scoring.responses.at_once import answer_at_once
from scoring.responses.background import BackgroundResponses
from scoring.responses.conversations import Conversations
from scoring.responses.events.machine import Machine, new_response
from scoring.responses.following import send_events
from scoring.responses.generation import Generation
from scoring.responses.keeping import Keeper
from scoring.responses.late_systems import choose_late_role
from scoring.responses.prompt.chat import chat_request, fitting_chat_request
from scoring.responses.prompt.sealing import sealed_texts
from scoring.responses.references import item_ids, without_references
from scoring.responses.request.items import Item, new_id
from scoring.responses.request.request import Request, read_request
from scoring.responses.rounds import LIMIT, rounds_of
from scoring.responses.token_counts import count_tokens
from scoring.responses.turn import Turn
from scoring.settings.settings import ScoringSettings
from scoring.web.exchange import Exchange

logger = logging.getLogger("scoring")


class Creating:
    """Makes responses."""

    def __init__(
        self, keeper: Keeper, conversations: Conversations, background: BackgroundResponses, settings: ScoringSettings
    ) -> None:
        self._keeper = keeper
        self._conversations = conversations
        self._background = background
        self.sealing = sealed_texts(settings.sealing_keys)
        self._mcp_hosts = settings.mcp_hosts

    async def create(self, exchange: Exchange) -> None:
        """Answer a request. Raises `Problem`."""
        engine = exchange.engine_for(GENERATE)
        received = await exchange.read(engine)
        exchange.check_type(400, required=True)
        request = read_request(received.document, engine.names[0], self.sealing)
        exchange.serve_as(engine, request.model)
        insists = request.background or request.conversation is not None or received.document.get("store") is True
        del received  # it may be large
        turn = await self.turn(request, self._keeper.owner(exchange), engine)
        if insists:
            times = request.store + (request.conversation is not None)  # its conversation grows by as much
            await self._keeper.check_room(turn.record(), turn.owner, times)
        if request.background:
            await self._in_background(exchange, turn)
        else:
            await answer_at_once(exchange, turn, self._keeper)

    async def turn(self, request: Request, owner: str, engine: VllmEngine) -> Turn:
        """Return a turn that has not begun. Raises `Problem` (400, 404)."""
        context = await self.context(request, owner)
        chat = await self.chat(request, context, engine)
        response = new_response(request.response_id or new_id("resp"), int(time.time()), request.said)
        machine = Machine(response, request.tools, item_ids(response["id"]), lambda: int(time.time()), request.seal)

        def rebuild(items: list[Item]) -> dict[str, Any]:
            return chat_request(replace(request, items=[*request.items, *items]), context)

        rounds = rounds_of(request.tools, [*context, *request.items], rebuild, self._mcp_hosts)
        generation = Generation(engine, machine, chat, rounds)
        return Turn(request, owner, context, generation, self._conversations)

    async def chat(self, request: Request, context: list[Item], engine: VllmEngine) -> dict[str, Any]:
        """Return the chat request, of a conversation that fits where `truncation` says so. Raises `Problem` (400)."""
        await choose_late_role(request, context, engine)
        if request.truncation != "auto":
            return chat_request(request, context)

        async def fits(chat: dict[str, Any]) -> bool:
            return await count_tokens(engine, chat) + (chat.get(LIMIT) or 1) <= engine.max_model_len

        return await fitting_chat_request(request, context, fits)

    async def context(self, request: Request, owner: str) -> list[Item]:
        """Return the items of the conversation before a request, whose references are resolved.

        Raises `Problem` (400, 404).
        """
        context = await self._before(request, owner)
        request.items = await without_references(request.items, context, self._keeper, owner)
        if context:
            before = "previous_response_id" if request.conversation is None else "conversation"
            self._keeper.check_size([*context, *request.items], before)
        return context

    async def _before(self, request: Request, owner: str) -> list[Item]:
        if request.conversation is not None:
            return (await self._conversations.known(request.conversation, owner, "conversation")).items
        if request.previous_response_id is None:
            return []
        given = request.previous_response_id
        record = (await self._keeper.known(given, owner, "previous_response_id")).record
        if record.unfinished or not record.settled:
            message = f"Response with id '{given}' has not ended yet."
            raise Problem(400, message, param="previous_response_id", kind=INVALID)
        return [*record.items, *record.response["output"]]

    async def _in_background(self, exchange: Exchange, turn: Turn) -> None:
        queued = {**turn.response, "output": []}  # as it is told, however soon it begins
        work = await self._background.start(exchange, turn)
        if turn.request.stream:
            await send_events(exchange, work.follow(-1))
        else:
            await send_json(exchange.send, 200, queued)
