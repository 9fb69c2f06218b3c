"""`/v1/conversations`: conversations and their items, as OpenAI's API has them."""

from typing import Any

from scoring.asgi import send_json
from scoring.engine.client import GENERATE
from scoring.problems import INVALID, Problem
from scoring.responses.conversations import MOST_AT_ONCE, Conversation, Conversations
from scoring.responses.keeping import Keeper
from scoring.responses.paging import Query, listed, page, with_own_ids
from scoring.responses.references import without_references
from scoring.responses.request.items import Item, new_id, read_items
from scoring.responses.request.members import INCLUDED, MEMBERS
from scoring.web.exchange import Exchange


class Conversing:
    """Answers requests about conversations; each raises `Problem` (404) where the caller has none of this id."""

    def __init__(self, keeper: Keeper, conversations: Conversations) -> None:
        self._keeper = keeper
        self._conversations = conversations

    async def create(self, exchange: Exchange) -> None:
        """Answer `POST /v1/conversations`."""
        given, owner = await _body(exchange), self._keeper.owner(exchange)
        items, metadata = _items(given.get("items") or []), _metadata(given)
        items = await without_references(items, [], self._keeper, owner, "items")
        made = await self._conversations.create(owner, items, metadata)
        await send_json(exchange.send, 200, made.said())

    async def retrieve(self, exchange: Exchange, conversation_id: str) -> None:
        """Answer `GET …/{id}`."""
        await send_json(exchange.send, 200, (await self._known(exchange, conversation_id)).said())

    async def update(self, exchange: Exchange, conversation_id: str) -> None:
        """Answer `POST …/{id}`, which replaces the metadata."""
        metadata = _metadata(await _body(exchange))

        def change(conversation: Conversation) -> None:
            conversation.metadata = metadata

        changed = await self._conversations.change(conversation_id, self._keeper.owner(exchange), change)
        await send_json(exchange.send, 200, changed.said())

    async def delete(self, exchange: Exchange, conversation_id: str) -> None:
        """Answer `DELETE …/{id}`."""
        await self._conversations.delete(conversation_id, self._keeper.owner(exchange))
        said = {"id": conversation_id, "object": "conversation.deleted", "deleted": True}
        await send_json(exchange.send, 200, said)

    async def items(self, exchange: Exchange, conversation_id: str) -> None:
        """Answer `GET …/{id}/items`, a page at a time."""
        query = Query(exchange.scope)
        query.check_include(INCLUDED)
        await send_json(exchange.send, 200, page((await self._known(exchange, conversation_id)).items, query))

    async def add_items(self, exchange: Exchange, conversation_id: str) -> None:
        """Answer `POST …/{id}/items`."""
        Query(exchange.scope).check_include(INCLUDED)
        owner, given = self._keeper.owner(exchange), _items((await _body(exchange)).get("items"))
        there = (await self._known(exchange, conversation_id)).items
        new = await without_references(given, there, self._keeper, owner, "items")

        def change(conversation: Conversation) -> None:
            conversation.items = with_own_ids([*conversation.items, *new], new_id)
            self._keeper.check_size(conversation.items, "items")

        changed = await self._conversations.change(conversation_id, owner, change)
        await send_json(exchange.send, 200, listed(changed.items[len(changed.items) - len(new) :]))

    async def item(self, exchange: Exchange, conversation_id: str, item_id: str) -> None:
        """Answer `GET …/{id}/items/{item_id}`."""
        Query(exchange.scope).check_include(INCLUDED)
        await send_json(exchange.send, 200, _item(await self._known(exchange, conversation_id), item_id))

    async def delete_item(self, exchange: Exchange, conversation_id: str, item_id: str) -> None:
        """Answer `DELETE …/{id}/items/{item_id}` with the conversation."""

        def change(conversation: Conversation) -> None:
            conversation.items.remove(_item(conversation, item_id))

        changed = await self._conversations.change(conversation_id, self._keeper.owner(exchange), change)
        await send_json(exchange.send, 200, changed.said())

    async def _known(self, exchange: Exchange, conversation_id: str) -> Conversation:
        return await self._conversations.known(conversation_id, self._keeper.owner(exchange))


async def _body(exchange: Exchange) -> dict[str, Any]:
    exchange.check_type(400, required=True)
    engine = exchange.engine_for(GENERATE)
    return (await exchange.service.intake.read_request(exchange.scope, exchange.receive, engine)).document


def _items(given: Any) -> list[Item]:
    if not isinstance(given, list):
        raise Problem(400, "items must be a list.", param="items", kind=INVALID)
    if len(given) > MOST_AT_ONCE:
        raise Problem(
            400, f"items has {len(given)}; {MOST_AT_ONCE} may be added at a time.", param="items", kind=INVALID
        )
    return read_items(given, "items")


def _metadata(given: dict[str, Any]) -> dict[str, str]:
    value = given.get("metadata")
    metadata: dict[str, str] = {} if value is None else MEMBERS["metadata"](value, "metadata")
    return metadata


def _item(conversation: Conversation, item_id: str) -> Item:
    for item in conversation.items:
        if item["id"] == item_id:
            return item
    raise Problem(404, f"Item with id '{item_id[:256]}' not found.", param="item_id", kind=INVALID)
