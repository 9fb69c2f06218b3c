"""The routes of OpenAI's Responses API; `scoring/responses/` answers them."""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from scoring.contracts.paths import RESPONSES
from scoring.responses.surface import Responses
from scoring.web.api.answers import Answer, exchange_of
from scoring.web.api.openai import SAID

router = APIRouter(**SAID)


def responses_of(request: Request) -> Responses:
    """Return the Responses API of this app."""
    responses: Responses = request.app.state.responses
    return responses


@router.post(RESPONSES)
async def create_response(request: Request) -> Response:
    """Create a response."""
    return Answer(partial(responses_of(request).create, exchange_of(request)))


@router.get(RESPONSES + "/{response_id}")
async def retrieve_response(request: Request, response_id: str) -> Response:
    """Give a response that is kept."""
    return Answer(partial(responses_of(request).retrieve, exchange_of(request), response_id))
