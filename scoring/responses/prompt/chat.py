"""The chat request that a Responses request amounts to."""

from typing import Any

from scoring.responses.prompt.messages import messages_of
from scoring.responses.request.items import Item
from scoring.responses.request.request import Request


def chat_request(request: Request, context: list[Item]) -> dict[str, Any]:
    """Return the body of the chat request; `context` are the items of the conversation before the request's own."""
    return {
        "model": request.model,
        "messages": messages_of(request.instructions, [*context, *request.items]),
        "stream": True,
        "stream_options": {"include_usage": True},
        **request.chat,
        **request.tools.chat,
    }
