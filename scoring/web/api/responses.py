"""The routes of OpenAI's Responses API; `scoring/responses/` answers them."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from scoring.contracts.paths import RESPONSES
from scoring.responses.endpoints.compacting import READ
from scoring.responses.request.members import MEMBERS
from scoring.responses.surface import Responses
from scoring.web.api.answers import Answer, exchange_of
from scoring.web.api.openai import SAID

router = APIRouter(**SAID)
ONE = RESPONSES + "/{response_id}"


def in_query(**schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe parameters that `scoring/responses/` reads: their schemas by their names."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in schemas.items()
        ]
    }


def in_body(*names: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe a body that `scoring/responses/` reads: the members that OpenAI's API defines, by their names."""
    schema = {"type": "object", "properties": {name: {} for name in names}, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


STREAMED = in_query(stream={"type": "boolean"}, starting_after={"type": "integer", "minimum": 0})
PAGED = in_query(
    limit={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    order={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
    after={"type": "string"},
)


def responses_of(request: Request) -> Responses:
    """Return the Responses API of this app."""
    responses: Responses = request.app.state.responses
    return responses


@router.post(RESPONSES, openapi_extra=in_body(*MEMBERS, required=("model",)))
async def create_response(request: Request) -> Response:
    """Create a response."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_engine, exchange_of(request), responses.creating.create))


@router.post(RESPONSES + "/input_tokens", openapi_extra=in_body(*MEMBERS))
async def count_input_tokens(request: Request) -> Response:
    """Count the tokens of a request that is not made."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_engine, exchange_of(request), responses.counting.count))


@router.post(RESPONSES + "/compact", openapi_extra=in_body(*READ, required=("model",)))
async def compact_conversation(request: Request) -> Response:
    """Shorten a conversation."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_engine, exchange_of(request), responses.compacting.compact))


@router.get(ONE, openapi_extra=STREAMED)
async def retrieve_response(request: Request, response_id: str) -> Response:
    """Give a response that is kept, or its events again."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_store, exchange_of(request), responses.reading.retrieve, response_id))


async def delete_response(request: Request, response_id: str) -> Response:
    """Forget a response; what is under way ends."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_store, exchange_of(request), responses.reading.delete, response_id))


router.add_api_route(ONE, delete_response, methods=["DELETE"])
router.add_api_route(ONE + "/delete", delete_response, methods=["POST"])  # where no DELETE passes


@router.post(ONE + "/cancel")
async def cancel_response(request: Request, response_id: str) -> Response:
    """End a response that is generated in the background."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_store, exchange_of(request), responses.reading.cancel, response_id))


@router.get(ONE + "/input_items", openapi_extra=PAGED)
async def list_input_items(request: Request, response_id: str) -> Response:
    """List the items that a response was made of."""
    responses = responses_of(request)
    return Answer(partial(responses.at_the_store, exchange_of(request), responses.reading.input_items, response_id))
