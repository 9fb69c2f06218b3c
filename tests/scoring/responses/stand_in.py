"""A stand-in for vLLM's handler of the Responses API that uses its dictionaries as vLLM 0.32 does, and a client."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from scoring.asgi import Message, Receive, Scope, Send, local_scope, never, read_body, replaying, send_json
from scoring.problems import Problem, openai_error
from scoring.process.lifecycle import open_store
from scoring.responses.background import BackgroundResponses
from scoring.responses.store.base import MemoryStore, ResponseStore, ResponseStoreSettings, StoreUnavailable
from scoring.responses.surface import ResponsesSurface

QUICK = 0.01


class ResponsesResponse(BaseModel):
    """What vLLM calls a response, as far as the surface looks at it."""

    id: str
    status: str
    background: bool = False
    output: list[dict[str, Any]] = []


class Event(BaseModel):
    """What vLLM calls an event."""

    type: str
    sequence_number: int


class Handler:
    """vLLM's handler and the app in front of it: answers once `go` is set, fails if `broken`."""

    def __init__(self) -> None:
        self.response_store: Any = {}
        self.msg_store: Any = {}
        self.event_store: Any = {}
        self.background_tasks: Any = {}
        self.responses_background_stream_generator: Any = None
        self.state = SimpleNamespace(openai_serving_responses=self)
        self.go = asyncio.Event()
        self.end = "response.completed"
        self.broken = False
        self.unreadable = False
        self.fails_later = False
        self.engine_client = SimpleNamespace(errored=False)
        self.tasks: list[asyncio.Task[None]] = []
        self.seen: list[Any] = []
        self.output = [{"type": "message", "content": [{"type": "output_text", "text": "Hello."}]}]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = json.loads(await read_body(scope, receive, 1 << 20))
        response_id = request.get("request_id") or f"resp_{time.monotonic_ns()}"
        messages = [{"role": "user", "content": request["input"]}]
        if previous_id := request.get("previous_response_id"):
            previous = self.response_store.get(previous_id)
            if previous is None:
                await send_json(send, 404, {"error": {"message": "vLLM does not know it"}})
                return
            messages = [*self.msg_store.get(previous_id), *messages]
            self.seen = [messages, previous.output]
        if self.unreadable:
            await send_json(send, 500, {"error": {"message": "list index out of range"}})
            raise IndexError
        self._generate_with_builtin_tools()
        if request.get("store", True):
            self.msg_store[response_id] = messages
        if self.fails_later:
            await send_json(send, 500, {"error": {"message": "the engine is out of order"}})
            return
        if not request.get("background"):
            response = ResponsesResponse(id=response_id, status="completed", output=self.output)
            if request.get("store", True):
                self.response_store[response_id] = response
            await send_json(send, 200, response.model_dump())
            return
        response = ResponsesResponse(id=response_id, status="queued", background=True)
        self.response_store[response_id] = response
        task = asyncio.create_task(self.generate(response_id, stream=bool(request.get("stream"))))
        self.tasks.append(task)
        self.background_tasks[response_id] = task
        if not request.get("stream"):
            await send_json(send, 200, response.model_dump())
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for event in self.responses_background_stream_generator(response_id):
            await send({"type": "http.response.body", "body": event.model_dump_json().encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _generate_with_builtin_tools(self) -> None:
        """Ask the engine."""

    async def generate(self, response_id: str, *, stream: bool) -> None:
        events: deque[Any] = deque()
        signal = asyncio.Event()
        if stream:
            self.event_store[response_id] = (events, signal)
            events.append(Event(type="response.created", sequence_number=0))
            signal.set()
        await self.go.wait()
        if self.broken:
            raise ValueError("a secret of the engine")
        stored = self.response_store.get(response_id)
        if stored is None or stored.status != "cancelled":
            self.response_store[response_id] = ResponsesResponse(
                id=response_id, status="completed", background=True, output=self.output
            )
        events.append(Event(type=self.end, sequence_number=1))
        signal.set()


class Counter:
    """Counts what is under way, as the service does."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()

    def enter(self, task: asyncio.Task[Any]) -> None:
        self.tasks.add(task)

    def leave(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)


class Instance:
    """One process's surface, its handler, and a client of it."""

    def __init__(self, store: ResponseStore) -> None:
        self.store = store
        self.handler = Handler()
        self.counter = Counter()
        self.surface = ResponsesSurface(store, BackgroundResponses(store, self.counter, seconds_between_looks=QUICK))
        self.app = self.surface.around(self.handler)
        self.refused: Problem | None = None  # the last one

    async def ask(self, method: str, path: str = "", body: dict[str, Any] | None = None, query: str = "") -> Any:
        status, text = await self.raw(method, path, body, query)
        return status, json.loads(text)

    async def raw(
        self,
        method: str,
        path: str = "",
        body: dict[str, Any] | None = None,
        query: str = "",
        on_message: Callable[[Message], Coroutine[Any, Any, None]] | None = None,
    ) -> tuple[int, str]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)
            if on_message is not None:
                await on_message(message)

        data = json.dumps(body).encode() if body is not None else b""
        scope = local_scope(method, f"/v1/responses{path}", data, query=query.encode())
        try:
            await self.app(scope, replaying(data, never), send)
        except Problem as problem:
            self.refused = problem
            return problem.status, json.dumps(openai_error(problem))
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()

    async def until(self, response_id: str, status: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (found := (await self.ask("GET", f"/{response_id}"))[1]).get("status") != status:  # noqa: ASYNC110
                await asyncio.sleep(QUICK)
        return dict(found)

    async def until_idle(self) -> None:
        async with asyncio.timeout(10):
            while self.counter.tasks or self.surface.background.running:  # noqa: ASYNC110
                await asyncio.sleep(QUICK)


class BrokenStore(MemoryStore):
    """A store that can be switched off."""

    off = False

    async def get(self, key: str) -> bytes | None:
        self._check()
        return await super().get(key)

    async def put(self, key: str, payload: bytes) -> bool:
        self._check()
        return await super().put(key, payload)

    def _check(self) -> None:
        if self.off:
            raise StoreUnavailable("off")


def memory() -> MemoryStore:
    return MemoryStore(ResponseStoreSettings())


@asynccontextmanager
async def two_instances(folder: Path) -> AsyncIterator[tuple[Instance, Instance]]:
    settings = ResponseStoreSettings(url=f"sqlite://{folder}/responses.db")
    stores = [await open_store(settings), await open_store(settings)]
    try:
        yield Instance(stores[0]), Instance(stores[1])
    finally:
        for store in stores:
            await store.close()
