"""The chat request that a Responses request amounts to, and a chat's refusal in the words of Responses."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from scoring.problems import INVALID, Problem
from scoring.responses.prompt.compaction import compacted_items
from scoring.responses.prompt.messages import Conversation
from scoring.responses.prompt.truncation import shortened
from scoring.responses.request.items import Item
from scoring.responses.request.request import Request
from scoring.responses.request.values import invalid

# What chat completions call a member of a Responses request.
IN_RESPONSES = {
    "messages": "input",
    "input_tokens": "input",
    "input_text": "input",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
}
# In a message: where the name is a word of no sentence, or marked as a name.
CHATS_NAME = re.compile(
    r"\b(?:max_completion_tokens|max_tokens|response_format|reasoning_effort)\b"
    r"|(?<=`)(?:messages|input_tokens|input_text)(?=`)|\b(?:messages|input_tokens|input_text)(?==)"
)
Placed = tuple[str, Item]


def chat_request(request: Request, context: list[Item]) -> dict[str, Any]:
    """Return the body of the chat request; `context` are the items of the conversation before the request's own.

    Raises `Problem` (400) with an item's place.
    """
    return _chat(request, list(_placed(request, context)))


async def fitting_chat_request(
    request: Request, context: list[Item], fits: Callable[[dict[str, Any]], Awaitable[bool]]
) -> dict[str, Any]:
    """Return the chat request with as much of the conversation as fits: its oldest turns are left out (`truncation`).

    `fits` tells of a chat request whether the model's context holds it. Where not even the last turn fits, that turn
    is asked, and refused by the engine.
    """
    placed = list(_placed(request, context))

    async def turns_fit(kept: list[Placed]) -> bool:
        return await fits(_chat(request, kept))

    return _chat(request, await shortened(placed, turns_fit))


def in_responses_words(problem: Problem) -> Problem:
    """Return an engine's refusal of a chat request as one of the Responses request that it was made from."""
    param = IN_RESPONSES.get((problem.param or "").partition(".")[0])
    return Problem(
        problem.status,
        CHATS_NAME.sub(lambda found: IN_RESPONSES[found[0]], problem.message),
        code=problem.code,
        kind=INVALID if problem.status == 400 else problem.kind,
        param=param or problem.param,
        headers=problem.headers,
        details=problem.details,
    )


def _chat(request: Request, placed: list[Placed]) -> dict[str, Any]:
    conversation = Conversation(request)
    for place, item in placed:
        conversation.add(item, place)
    messages = conversation.messages
    if not messages:
        raise invalid("input", "input holds nothing that the model could read.")
    return {
        "model": request.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **request.chat,
        **request.tools.chat,
    }


def _placed(request: Request, context: list[Item]) -> Iterator[Placed]:
    """Yield all items with their places, those that compactions stand for in place of these."""
    before = "conversation" if request.conversation else "previous_response_id"
    own = ((f"input.{at}", item) for at, item in enumerate(request.items))
    for place, item in [*((before, item) for item in context), *own]:
        if item["type"] == "compaction":
            yield from ((place, kept) for kept in compacted_items(item, request.sealing, place))
        else:
            yield place, item
