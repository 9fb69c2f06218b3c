"""What this server knows of vLLM's handler of the Responses API, and the places where it takes it over.

The handler keeps every response, every message and every event in three dictionaries that only grow, for this process
alone. Here they are replaced by views of the request that is under way, so that nothing outlives it: what is to be
kept goes to a store with limits, what a request refers to is fetched from there before vLLM sees the request.
"""

import asyncio
import importlib
import json
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

UNFINISHED = ("queued", "in_progress")
LAST_EVENTS = ("response.completed", "response.incomplete")  # the second since 0.33, where tokens ran out


@dataclass
class Previous:
    """A finished response as vLLM's handler wants to find it, with the messages that led to it."""

    response: Any
    messages: list[Any] | None


@dataclass
class Exchange:
    """One `POST /v1/responses` from its beginning to the end of its generation, which may outlive the request."""

    previous: Previous | None = None
    response: Any = None
    messages: list[Any] = field(default_factory=list)
    task: asyncio.Task[Any] | None = None
    log: deque[Any] = field(default_factory=deque)
    logs_events: bool = False
    logged: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    unsaved: bool = False
    watched: bool = False
    begun: bool = False  # the request has been read, the engine is asked
    failure: str = ""

    @property
    def id(self) -> str:
        """The id of the response."""
        return str(self.response.id)

    @property
    def unfinished(self) -> bool:
        """Whether the response still waits for its end."""
        return self.response.status in UNFINISHED

    def document(self) -> dict[str, Any]:
        """Return the response as clients see it."""
        document: dict[str, Any] = self.response.model_dump(mode="json", by_alias=True)
        if self.failure:
            document["error"] = {"code": "server_error", "message": self.failure}
        return document

    def cancel(self) -> None:
        """Stop the generation of a background response."""
        if self.unfinished:
            self.response.status = "cancelled"
        if self.task is not None:
            self.task.cancel()

    def end(self, failure: str) -> None:
        """Give a background response the end that its generation may not have given it."""
        if self.unfinished:
            self.response.status = "failed"
        if self.response.status == "failed":
            self.failure = self.failure or failure
        if self.logs_events and not (self.log and self.log[-1].type in LAST_EVENTS):
            self.log.append(LastEvent(len(self.log), self.document()))

    def settle(self) -> None:
        """Let those who follow the events see the end, now that it is stored."""
        self.settled.set()
        self.logged.set()

    async def follow(self, starting_after: int | None = None) -> AsyncIterator[Any]:
        """Yield the events of a background response from one on; the end only when it is stored."""
        position = 0 if starting_after is None else starting_after + 1
        while True:
            self.logged.clear()
            while position < len(self.log):
                if not self.unfinished:
                    await self.settled.wait()
                yield self.log[position]
                position += 1
            if self.settled.is_set():
                return
            await self.logged.wait()


class LastEvent:
    """The event that ends a stream whose generation was cancelled or has failed: vLLM's would never end."""

    def __init__(self, number: int, document: dict[str, Any]) -> None:
        self.type = "response.failed" if document["status"] == "failed" else "response.incomplete"
        self._event = {"type": self.type, "sequence_number": number, "response": document}

    def model_dump_json(self, **_: Any) -> str:
        """Return the event as JSON, as vLLM's own events do."""
        return json.dumps(self._event)


current: ContextVar[Exchange | None] = ContextVar("responses_exchange", default=None)


class _View(ABC):
    """Stands for one of vLLM's dictionaries: knows what belongs to the request that is under way, nothing else."""

    def get(self, key: str, default: Any = None) -> Any:
        exchange = current.get()
        found = self.find(exchange, key) if exchange else None
        return default if found is None else found

    def __getitem__(self, key: str) -> Any:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __setitem__(self, key: str, value: Any) -> None:
        if (exchange := current.get()) is not None:
            self.keep(exchange, value)

    def pop(self, key: str, default: Any = None) -> Any:
        """Forget nothing: the view ends with its request."""
        return self.get(key, default)

    @abstractmethod
    def find(self, exchange: Exchange, key: str) -> Any:
        """Return what a request has under a key, None if nothing."""

    @abstractmethod
    def keep(self, exchange: Exchange, value: Any) -> None:
        """Take what a request is given."""


class _Responses(_View):
    def find(self, exchange: Exchange, key: str) -> Any:
        if exchange.response is not None and exchange.id == key:
            return exchange.response
        previous = exchange.previous
        return previous.response if previous and previous.response.id == key else None

    def keep(self, exchange: Exchange, value: Any) -> None:
        exchange.response = value
        exchange.unsaved = True


class _Messages(_View):
    def find(self, exchange: Exchange, key: str) -> Any:
        previous = exchange.previous
        return previous.messages if previous and previous.response.id == key else None

    def keep(self, exchange: Exchange, value: Any) -> None:
        exchange.messages = value


class _Events(_View):
    def find(self, exchange: Exchange, key: str) -> Any:
        return exchange.log, exchange.logged

    def keep(self, exchange: Exchange, value: Any) -> None:
        earlier = exchange.logged
        exchange.log, exchange.logged = value
        exchange.logs_events = True
        earlier.set()  # who waits already must wait for the new one


class _Tasks(_View):
    def find(self, exchange: Exchange, key: str) -> Any:
        return exchange.task

    def keep(self, exchange: Exchange, value: Any) -> None:
        exchange.task = value


def take_over(handler: Any) -> None:
    """Put our views in the place of the handler's dictionaries, and our stream in that of the one that cannot end."""
    handler.response_store = _Responses()
    handler.msg_store = _Messages()
    handler.event_store = _Events()
    handler.background_tasks = _Tasks()
    handler.responses_background_stream_generator = _follow_current
    generate = handler._generate_with_builtin_tools

    def begin(*arguments: Any, **named: Any) -> Any:
        if (exchange := current.get()) is not None:
            exchange.begun = True
        return generate(*arguments, **named)

    handler._generate_with_builtin_tools = begin


async def _follow_current(response_id: str, starting_after: int | None = None) -> AsyncIterator[Any]:
    exchange = current.get()
    if exchange is None:
        return
    async for event in exchange.follow(starting_after):
        yield event


def encode_messages(messages: Iterable[Any]) -> dict[str, Any]:
    """Return messages as JSON can hold them: chat messages, or those of the Harmony format (gpt-oss)."""
    listed = list(messages)
    if any(hasattr(message, "to_dict") for message in listed):
        return {"format": "harmony", "items": [message.to_dict() for message in listed]}
    to_json = importlib.import_module("pydantic_core").to_jsonable_python
    return {"format": "chat", "items": to_json(_read_out(listed))}


def _read_out(value: Any) -> Any:
    """Return the value with its lists read: pydantic leaves some for later, which may turn out to be wrong then."""
    if isinstance(value, Mapping):
        return {name: _read_out(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_read_out(item) for item in value]
    if not isinstance(value, Iterator):
        return value
    try:
        return [_read_out(item) for item in value]
    except ValueError:
        return []  # what is wrong with it did not matter to the model, which has answered


def decode_previous(handler: Any, document: dict[str, Any], messages: dict[str, Any]) -> Previous:
    """Return a stored response and its messages as the handler expects them.

    vLLM's handler passes over the function calls of a previous response, so that their results answer nothing: chat
    messages therefore come with the whole answer in them, and the response without.
    """
    response_class = importlib.import_module(type(handler).__module__).ResponsesResponse
    if messages["format"] == "harmony":
        harmony = importlib.import_module("openai_harmony")
        return Previous(
            response_class.model_validate(document), [harmony.Message.from_dict(item) for item in messages["items"]]
        )
    answer = assistant_message(document["output"])
    return Previous(
        response_class.model_validate({**document, "output": []}), [*messages["items"], *([answer] if answer else [])]
    )


def assistant_message(output: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the chat message that the items of a response amount to, without its reasoning."""
    texts = [
        str(part.get("text") or part.get("refusal") or "")
        for item in output
        if item["type"] == "message"
        for part in item["content"]
    ]
    calls = [
        {
            "id": item["call_id"],
            "type": "function",
            "function": {"name": item["name"], "arguments": item["arguments"]},
        }
        for item in output
        if item["type"] == "function_call"
    ]
    if not texts and not calls:
        return None
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts)}
    return {**message, "tool_calls": calls} if calls else message


def request_model() -> Any:
    """Return vLLM's model of a Responses request; None where vLLM is not imported."""
    return getattr(sys.modules.get("vllm.entrypoints.openai.responses.protocol"), "ResponsesRequest", None)
