"""`POST /v1/responses/compact`: a conversation becomes what its user has said, and a summary that only we can read."""

import time
from dataclasses import replace
from typing import Any

from scoring.asgi import send_json
from scoring.engine.client import GENERATE, VllmEngine
from scoring.problems import INVALID, Problem
from scoring.responses.endpoints.creating import Creating
from scoring.responses.events.machine import Machine, new_response
from scoring.responses.generation import Generation, unheard
from scoring.responses.keeping import Keeper
from scoring.responses.prompt.chat import fitting_chat_request
from scoring.responses.prompt.compaction import compacted_items, compaction_item
from scoring.responses.request.items import Item, new_id, read_items
from scoring.responses.request.request import Request, Sealing, read_request
from scoring.responses.rounds import LIMIT
from scoring.responses.token_counts import count_tokens
from scoring.responses.tools.tools import read_tools
from scoring.settings.sealing import NAME
from scoring.web.exchange import Exchange

READ = ("model", "input", "instructions", "previous_response_id", "conversation", "prompt_cache_key")
TASK = (
    "Sum up the conversation so far for yourself: you will go on from your summary without seeing what it stands for. "
    "Keep what was asked, what was decided and done, what tools have returned that still matters, and what is open."
)
BEGINNING = "Summary of the conversation so far: "
MOST_TOKENS = 1024  # of a summary, and a quarter of the model's context


class Compacting:
    """Shortens conversations."""

    def __init__(self, keeper: Keeper, creating: Creating) -> None:
        self._keeper = keeper
        self._creating = creating

    async def compact(self, exchange: Exchange) -> None:
        """Answer a request. Raises `Problem`."""
        engine = exchange.engine_for(GENERATE)
        received = await exchange.read(engine)
        exchange.check_type(400, required=True)
        sealing = self._creating.sealing
        if sealing is None:
            raise Problem(400, f"compact seals its summary, and {NAME} is not set here.", kind=INVALID)
        given = {name: received.document[name] for name in READ if name in received.document}
        request = read_request(given, engine.names[0], sealing)
        exchange.serve_as(engine, request.model)
        context = await self._creating.context(request, self._keeper.owner(exchange))
        with exchange.place(engine):
            generation = Generation(engine, _machine(request), await _chat(request, context, engine))
            await generation.run(exchange.scope, exchange.receive, unheard)
        if generation.problem is not None:
            raise generation.problem
        said = _users(_opened([*context, *request.items], sealing))
        await send_json(exchange.send, 200, _compacted(generation.response, said, sealing))


def _machine(request: Request) -> Machine:
    now = int(time.time())
    return Machine(new_response(new_id("resp"), now, request.said), read_tools({}), new_id, lambda: now)


async def _chat(request: Request, context: list[Item], engine: VllmEngine) -> dict[str, Any]:
    """Return the chat request for a summary, of as much of the conversation as leaves room for one."""
    most = min(MOST_TOKENS, engine.max_model_len // 4)
    asking = replace(request, items=[*request.items, *read_items(TASK)])

    async def fits(chat: dict[str, Any]) -> bool:
        return await count_tokens(engine, chat) + most <= engine.max_model_len

    return {**await fitting_chat_request(asking, context, fits), LIMIT: most}


def _opened(items: list[Item], sealing: Sealing) -> list[Item]:
    """Return the items with those of earlier compactions in their places."""
    opened: list[Item] = []
    for item in items:
        opened += compacted_items(item, sealing, "input") if item["type"] == "compaction" else [item]
    return opened


def _users(items: list[Item]) -> list[Item]:
    return [item for item in items if item["type"] == "message" and item["role"] == "user"]


def _compacted(response: dict[str, Any], said: list[Item], sealing: Sealing) -> dict[str, Any]:
    summary = read_items([{"role": "assistant", "content": BEGINNING + _text(response)}])
    return {
        "id": response["id"],
        "object": "response.compaction",
        "created_at": response["created_at"],
        "output": [*said, compaction_item(summary, sealing)],
        "usage": response["usage"],
    }


def _text(response: dict[str, Any]) -> str:
    """Return what the model has said; what it has thought where that was all."""
    for kind in ("message", "reasoning"):
        parts = [part for item in response["output"] if item["type"] == kind for part in item["content"]]
        if text := "".join(part.get("text") or "" for part in parts).strip():
            return text
    raise Problem(500, "The model has said nothing that could stand for the conversation.")
