"""A Responses request as the rest of this layer knows it."""

from dataclasses import dataclass, field
from typing import Any

from scoring.problems import Problem
from scoring.responses.request.items import Item, read_items
from scoring.responses.tools.tools import Tools, read_tools

CHATS_OWN = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


@dataclass
class Request:
    """What is asked; `said` is what the response object repeats of it, valid by both documents."""

    model: str
    items: list[Item]
    tools: Tools
    said: dict[str, Any]
    chat: dict[str, Any]  # members of the chat request as they are: sampling, format, and vLLM's own
    instructions: str | None = None
    response_id: str | None = None
    previous_response_id: str | None = None
    conversation: str | None = None
    stream: bool = False
    store: bool = True
    background: bool = False
    include: frozenset[str] = frozenset()
    max_tool_calls: int | None = None
    more: dict[str, Any] = field(default_factory=dict)


def read_request(document: dict[str, Any], name: str) -> Request:
    """Read a body; `name` is the served model's. Raises `Problem` (400) with the member's place."""
    given = {member: value for member, value in document.items() if value is not None}
    if "model" not in given:
        raise Problem(400, f"model is missing; the model served here is {name}.", param="model")
    tools = read_tools(given)
    return Request(
        model=given["model"],
        items=read_items(given.get("input", [])),
        tools=tools,
        said={
            "model": given["model"],
            "instructions": given.get("instructions"),
            "previous_response_id": given.get("previous_response_id"),
            **tools.said(),
            "truncation": "disabled",
            "text": given.get("text", {"format": {"type": "text"}}),
            "temperature": given.get("temperature", 1.0),
            "top_p": given.get("top_p", 1.0),
            "presence_penalty": given.get("presence_penalty", 0.0),
            "frequency_penalty": given.get("frequency_penalty", 0.0),
            "top_logprobs": given.get("top_logprobs", 0),
            "reasoning": {"effort": None, "summary": None},
            "max_output_tokens": given.get("max_output_tokens"),
            "max_tool_calls": given.get("max_tool_calls"),
            "store": given.get("store", True),
            "background": given.get("background", False),
            "service_tier": "default",
            "metadata": given.get("metadata", {}),
            "safety_identifier": given.get("safety_identifier"),
            "prompt_cache_key": given.get("prompt_cache_key"),
        },
        chat={member: given[member] for member in CHATS_OWN if member in given}
        | ({"max_completion_tokens": given["max_output_tokens"]} if "max_output_tokens" in given else {})
        | ({"structured_outputs": given["structured_outputs"]} if "structured_outputs" in given else {}),
        instructions=given.get("instructions"),
        response_id=given.get("request_id"),
        previous_response_id=given.get("previous_response_id"),
        stream=given.get("stream", False),
        store=given.get("store", True),
        background=given.get("background", False),
    )
