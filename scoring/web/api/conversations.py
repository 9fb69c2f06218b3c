"""The routes of OpenAI's Conversations API; `scoring/responses/` answers them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from scoring.contracts.paths import CONVERSATIONS
from scoring.responses.endpoints.conversing import Conversing
from scoring.web.api.answers import Answer, exchange_of
from scoring.web.api.openai import SAID
from scoring.web.api.responses import PAGED, in_body, responses_of

router = APIRouter(**SAID)
ONE = CONVERSATIONS + "/{conversation_id}"
ITEMS = ONE + "/items"
ITEM = ITEMS + "/{item_id}"


def _answer(request: Request, work: Callable[..., Any], *ids: str) -> Answer:
    responses = responses_of(request)
    return Answer(partial(responses.at_the_store, exchange_of(request), partial(work, responses.conversing), *ids))


@router.post(CONVERSATIONS, openapi_extra=in_body("items", "metadata"))
async def create_conversation(request: Request) -> Response:
    """Begin a conversation."""
    return _answer(request, Conversing.create)


@router.get(ONE)
async def retrieve_conversation(request: Request, conversation_id: str) -> Response:
    """Give a conversation."""
    return _answer(request, Conversing.retrieve, conversation_id)


@router.post(ONE, openapi_extra=in_body("metadata"))
async def update_conversation(request: Request, conversation_id: str) -> Response:
    """Replace a conversation's metadata."""
    return _answer(request, Conversing.update, conversation_id)


async def delete_conversation(request: Request, conversation_id: str) -> Response:
    """Forget a conversation."""
    return _answer(request, Conversing.delete, conversation_id)


@router.get(ITEMS, openapi_extra=PAGED)
async def list_items(request: Request, conversation_id: str) -> Response:
    """List a conversation's items."""
    return _answer(request, Conversing.items, conversation_id)


@router.post(ITEMS, openapi_extra=in_body("items", required=("items",)))
async def create_items(request: Request, conversation_id: str) -> Response:
    """Add items to a conversation."""
    return _answer(request, Conversing.add_items, conversation_id)


@router.get(ITEM)
async def retrieve_item(request: Request, conversation_id: str, item_id: str) -> Response:
    """Give one item of a conversation."""
    return _answer(request, Conversing.item, conversation_id, item_id)


async def delete_item(request: Request, conversation_id: str, item_id: str) -> Response:
    """Take one item out of a conversation."""
    return _answer(request, Conversing.delete_item, conversation_id, item_id)


router.add_api_route(ONE, delete_conversation, methods=["DELETE"])
router.add_api_route(ONE + "/delete", delete_conversation, methods=["POST"])  # where no DELETE passes
router.add_api_route(ITEM, delete_item, methods=["DELETE"])
router.add_api_route(ITEM + "/delete", delete_item, methods=["POST"])
