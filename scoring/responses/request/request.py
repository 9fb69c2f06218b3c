"""A Responses request, read and checked: what the other files here work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from scoring.responses.request.items import Item, read_items
from scoring.responses.request.members import ENCRYPTED, LOGPROBS, MEMBERS, read_members
from scoring.responses.request.text_format import response_format, said_text
from scoring.responses.request.values import invalid, missing
from scoring.responses.tools.tools import Tools, read_tools

SAMPLING = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
NO_KEY = f"include names {ENCRYPTED}, for which this server has no key: SCORING_RESPONSES_KEY is not set."


class Sealing(Protocol):
    """What encrypts reasoning for clients that keep it themselves: `scoring/responses/prompt/sealing.py`."""

    def seal(self, text: str) -> str:
        """Return a text that only this server can read."""

    def open(self, sealed: str) -> str | None:
        """Return what was sealed here, or None for anything else."""


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
    truncation: str = "disabled"
    late_role: str = "system"  # the role of system messages that come after others
    sealing: Sealing | None = None

    @property
    def seal(self) -> Callable[[str], str] | None:
        """Return what makes `encrypted_content` of reasoning, where the client wants it."""
        return self.sealing.seal if self.sealing is not None and ENCRYPTED in self.include else None


def read_request(document: dict[str, Any], name: str, sealing: Sealing | None = None) -> Request:
    """Read a body; `name` is the served model's, `sealing` opens what was sealed for a client, None without a key.

    Raises `Problem` (400) with the member's place.
    """
    given = read_members(document)
    if "model" not in document:
        raise missing("model", f"the name of the model served here, {name}")
    if not given.get("model", "").strip():
        given["model"] = name
    _check_together(given, sealing)
    tools = read_tools(given)
    return Request(
        model=given["model"],
        items=read_items(given.get("input", [])),
        tools=tools,
        said=_said(given, tools),
        chat=_chat(given),
        instructions=given.get("instructions"),
        response_id=given.get("request_id"),
        previous_response_id=given.get("previous_response_id"),
        conversation=given.get("conversation"),
        stream=given.get("stream", False),
        store=given.get("store", True),
        background=given.get("background", False),
        include=frozenset(given.get("include", ())),
        truncation=given.get("truncation", "disabled"),
        sealing=sealing,
    )


def _check_together(given: dict[str, Any], sealing: Sealing | None) -> None:
    """Raise `Problem` (400) for members that cannot be given together."""
    before = [name for name in ("previous_response_id", "conversation") if name in given]
    if len(before) > 1:
        raise invalid("conversation", "conversation and previous_response_id cannot be given together: choose one.")
    if not before and given.get("input", []) == []:
        state = "is missing" if "input" not in given else "is empty"
        raise invalid("input", f"input {state}; without previous_response_id or conversation there is nothing to read.")
    if given.get("background") and given.get("store") is False:
        raise invalid("background", "background needs store: its response is asked for later.")
    if sealing is None and ENCRYPTED in given.get("include", ()):
        raise invalid("include", NO_KEY)
    if given.get("reasoning", {}).get("mode") == "pro":
        raise invalid("reasoning.mode", "reasoning.mode must be standard: there is no other here.")


def _said(given: dict[str, Any], tools: Tools) -> dict[str, Any]:
    reasoning = given.get("reasoning", {})
    said = {
        "model": given["model"],
        "instructions": given.get("instructions"),
        "previous_response_id": given.get("previous_response_id"),
        **tools.said(),
        "truncation": given.get("truncation", "disabled"),
        "text": said_text(given.get("text", {})),
        **{name: given.get(name, default) for name, default in SAMPLING.items()},
        "top_logprobs": given.get("top_logprobs", 0),
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary", reasoning.get("generate_summary")),
        },
        "max_output_tokens": given.get("max_output_tokens"),
        "store": given.get("store", True),
        "background": given.get("background", False),
        "service_tier": "default",
        "metadata": given.get("metadata", {}),
        "safety_identifier": given.get("safety_identifier"),
        "prompt_cache_key": given.get("prompt_cache_key"),
    }
    if "user" in given:  # OpenAI's document does not let it be null
        said["user"] = given["user"]
    if "conversation" in given:
        said["conversation"] = {"id": given["conversation"]}
    return said


def _chat(given: dict[str, Any]) -> dict[str, Any]:
    """Return the chat request's members, but for its messages and tools; vLLM's own go on as they are."""
    chat = {name: value for name, value in given.items() if name in SAMPLING or name not in MEMBERS}
    chat["max_completion_tokens"] = given.get("max_output_tokens")
    chat["response_format"] = response_format(given.get("text", {}))
    chat["reasoning_effort"] = given.get("reasoning", {}).get("effort")
    if LOGPROBS in given.get("include", ()):
        chat |= {"logprobs": True, "top_logprobs": given.get("top_logprobs", 0)}
    return {name: value for name, value in chat.items() if value is not None}
