"""The members of a request: what each may be, and which members of chat completions have another name here."""

from typing import Any

from scoring.responses.request.text_format import read_text
from scoring.responses.request.values import (
    Check,
    boolean,
    identifier,
    integer,
    invalid,
    list_of,
    members,
    number,
    one_of,
    refused,
    shown,
    text,
)

LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"
INCLUDED = (
    LOGPROBS,
    ENCRYPTED,
    # Accepted without effect: they are about tools and files that are not served here.
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SUMMARIES = ("auto", "concise", "detailed")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
MOST_PAIRS = 16
LONGEST_KEY = 64
LONGEST_VALUE = 512
LONGEST_NAME = 64
LONGEST_ID = 256


def _metadata(value: Any, place: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise refused(place, value, "an object of texts")
    if len(value) > MOST_PAIRS:
        raise invalid(place, f"{place} may have at most {MOST_PAIRS} members; {len(value)} were given.")
    for key in value:
        if len(key) > LONGEST_KEY:
            raise invalid(place, f"{place} has a name of {len(key)} characters; at most {LONGEST_KEY} are allowed.")
    return {key: text(0, LONGEST_VALUE)(member, f"{place}.{key}") for key, member in value.items()}


def _conversation(value: Any, place: str) -> str:
    if isinstance(value, dict):
        value, place = value.get("id"), f"{place}.id"
    found: str = text(1)(value, place)
    return found


def _included(value: Any, place: str) -> str:
    if isinstance(value, str) and value in INCLUDED:
        return value
    raise invalid(place, f"{place} is unknown: {shown(value)}; known are {', '.join(INCLUDED)}.")


def _no_prompts(value: Any, place: str) -> Any:
    raise invalid(place, "prompt refers to a stored prompt; there are none here: send instructions and input.")


def _no(words: str) -> Check:
    def check(value: Any, place: str) -> Any:
        raise invalid(place, f"{place} is not supported here{words}.")

    return check


def _as_it_is(value: Any, place: str) -> Any:
    """Leave a member as it is: `items.py` and `tools/` read `input` and the tools, nobody reads others."""
    return value


MEMBERS: dict[str, Check] = {
    "model": text(),
    "input": _as_it_is,
    "instructions": text(),
    "previous_response_id": text(1),
    "conversation": _conversation,
    "prompt": _no_prompts,
    "include": list_of(_included, "a list of texts"),
    "tools": _as_it_is,
    "tool_choice": _as_it_is,
    "parallel_tool_calls": boolean,
    "max_tool_calls": integer(1),
    "text": read_text,
    "reasoning": members(
        {
            "effort": one_of(EFFORTS),
            "summary": one_of(SUMMARIES),
            "generate_summary": one_of(SUMMARIES),
            "context": one_of(("auto", "current_turn", "all_turns")),
            "mode": one_of(("standard", "pro")),
        },
        closed=True,
    ),
    "temperature": number(0, 2),
    "top_p": number(0, 1, above=True),
    "presence_penalty": number(-2, 2),
    "frequency_penalty": number(-2, 2),
    "top_logprobs": integer(0, 20),
    "max_output_tokens": integer(1),
    "truncation": one_of(("auto", "disabled")),
    "stream": boolean,
    "stream_options": members({"include_obfuscation": boolean}),
    "store": boolean,
    "background": boolean,
    "service_tier": one_of(TIERS),
    "metadata": _metadata,
    "user": text(0, LONGEST_NAME),
    "safety_identifier": text(0, LONGEST_NAME),
    "prompt_cache_key": text(0, LONGEST_NAME),
    "prompt_cache_retention": one_of(("in_memory", "in-memory", "24h")),
    "prompt_cache_options": members({"mode": one_of(("implicit", "explicit")), "ttl": text()}),
    "context_management": _no(": compact a conversation with /v1/responses/compact"),
    "moderation": _no(""),
    "request_id": identifier(LONGEST_ID),
    "client_metadata": _as_it_is,  # what Codex says of itself: nothing for the model
}
# Members of chat completions that Responses names differently, or whose result a response has no place for.
OTHERWISE = {
    "messages": "input",
    "n": "",
    "best_of": "",
    "use_beam_search": "",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "functions": "tools",
    "function_call": "tool_choice",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": f"top_logprobs and include {LOGPROBS}",
    "prompt_logprobs": "",
    "echo": "",
    "previous_input_messages": "input",
}


def read_members(document: dict[str, Any]) -> dict[str, Any]:
    """Return the members that are not null, each checked; those that Responses does not define are left as they are."""
    given = {}
    for name, value in document.items():
        if value is None:
            continue
        if name in OTHERWISE:
            instead = OTHERWISE[name]
            raise invalid(name, f"{name} is no member of a Responses request{instead and '; send '}{instead}.")
        given[name] = MEMBERS[name](value, name) if name in MEMBERS else value
    return given
