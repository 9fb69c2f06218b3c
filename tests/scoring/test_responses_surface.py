"""The Responses surface over a stand-in for vLLM's handler that uses its dictionaries as vLLM 0.32 does."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from scoring.asgi import Message, Receive, Scope, Send, local_scope, never, read_body, replaying, send_json
from scoring.background_responses import AT_ONCE, BackgroundResponses
from scoring.problems import Problem
from scoring.response_record import Record, read_record
from scoring.response_store import MemoryStore, ResponseStore, ResponseStoreSettings, StoreUnavailable, open_store
from scoring.responses_surface import ResponsesSurface

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
        self.broken = False
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
        if request.get("store", True):
            self.msg_store[response_id] = messages
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
        events.append(Event(type="response.completed", sequence_number=1))
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
        await self.app(scope, replaying(data, never), send)
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


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


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


def test_a_response_can_be_fetched_as_soon_as_the_client_hears_of_it() -> None:
    async def work() -> None:
        one = Instance(memory())
        fetched: list[int] = []

        async def fetch(message: Message) -> None:
            if message["type"] == "http.response.start":
                fetched.append((await one.ask("GET", "/resp_1"))[0])

        status, text = await one.raw("POST", body={"input": "Hi", "request_id": "resp_1"}, on_message=fetch)
        assert (status, fetched) == (200, [200])
        assert await one.ask("GET", "/resp_1") == (200, json.loads(text))

    run(work())


def test_vllm_finds_the_messages_and_the_answer_of_the_previous_response(tmp_path: Path) -> None:
    async def work() -> None:
        async with two_instances(tmp_path) as (one, other):
            one.handler.output = [
                {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]},
                {"type": "message", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
            ]
            await one.ask("POST", body={"input": "Weather?", "request_id": "resp_1"})
            status, _ = await other.ask("POST", body={"input": "And now?", "previous_response_id": "resp_1"})
            assert status == 200
            call = {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
            }
            assert other.handler.seen == [
                [
                    {"role": "user", "content": "Weather?"},
                    {"role": "assistant", "content": "I look.", "tool_calls": [call]},
                    {"role": "user", "content": "And now?"},
                ],
                [],
            ]

    run(work())


def test_an_unknown_previous_response_is_left_to_vllm() -> None:
    async def work() -> None:
        one = Instance(memory())
        answer = await one.ask("POST", body={"input": "Hi", "previous_response_id": "resp_0"})
        assert answer == (404, {"error": {"message": "vLLM does not know it"}})

    run(work())


def test_what_is_not_to_be_stored_is_not() -> None:
    async def work() -> None:
        store = memory()
        one = Instance(store)
        status, _ = await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "store": False})
        assert status == 200
        assert (await one.ask("GET", "/resp_1"))[0] == 404
        assert store.size == 0

    run(work())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/resp_0", id="get"),
        pytest.param("DELETE", "/resp_0", id="delete"),
        pytest.param("POST", "/resp_0/cancel", id="cancel"),
    ],
)
def test_an_unknown_id_is_refused_in_vllms_words(method: str, path: str) -> None:
    async def work() -> None:
        status, body = await Instance(memory()).ask(method, path)
        message = "Response with id 'resp_0' not found."
        error = {"message": message, "type": "invalid_request_error", "param": "response_id", "code": 404}
        assert (status, body) == (404, {"error": error})

    run(work())


def test_a_deleted_response_is_gone() -> None:
    async def work() -> None:
        one = Instance(memory())
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1"})
        deleted = {"id": "resp_1", "object": "response", "deleted": True}
        assert await one.ask("DELETE", "/resp_1") == (200, deleted)
        assert (await one.ask("GET", "/resp_1"))[0] == 404
        assert (await one.ask("DELETE", "/resp_1"))[0] == 404

    run(work())


def test_a_client_cannot_overwrite_a_response_by_choosing_its_id() -> None:
    async def work() -> None:
        one = Instance(memory())
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1"})
        status, body = await one.ask("POST", body={"input": "Mine", "request_id": "resp_1"})
        assert status == 400
        assert body["error"]["param"] == "request_id"

    run(work())


def test_a_background_response_ends_and_is_counted_until_then(tmp_path: Path) -> None:
    async def work() -> None:
        async with two_instances(tmp_path) as (one, other):
            body = {"input": "Hi", "request_id": "resp_1", "background": True}
            assert (await one.ask("POST", body=body))[1]["status"] == "queued"
            assert (await other.ask("GET", "/resp_1"))[1]["status"] == "queued"
            assert len(one.counter.tasks) == 1
            status, refusal = await other.ask("POST", body={"input": "More", "previous_response_id": "resp_1"})
            assert (status, refusal["error"]["param"]) == (400, "previous_response_id")
            one.handler.go.set()
            assert (await other.until("resp_1", "completed"))["output"] == one.handler.output
            await one.until_idle()

    run(work())


def test_a_background_response_that_breaks_has_failed_and_keeps_the_engines_secrets() -> None:
    async def work() -> None:
        one = Instance(memory())
        one.handler.broken = True
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
        one.handler.go.set()
        failed = await one.until("resp_1", "failed")
        assert failed["error"] == {"code": "server_error", "message": "The response could not be generated."}

    run(work())


@pytest.mark.parametrize("asked", [pytest.param(0, id="here"), pytest.param(1, id="elsewhere")])
@pytest.mark.parametrize(("method", "path"), [("POST", "/resp_1/cancel"), ("DELETE", "/resp_1")])
def test_generation_stops_when_it_is_cancelled_or_deleted(tmp_path: Path, asked: int, method: str, path: str) -> None:
    async def work() -> None:
        async with two_instances(tmp_path) as instances:
            one = instances[0]
            await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
            status, body = await instances[asked].ask(method, path)
            assert status == 200
            assert body.get("status", "cancelled") == "cancelled"
            await asyncio.wait(one.handler.tasks, timeout=10)
            assert one.handler.tasks[0].cancelled()
            await one.until_idle()
            found = [await instance.ask("GET", "/resp_1") for instance in instances]
            if method == "DELETE":
                assert [status for status, _ in found] == [404, 404]
            else:
                assert [body["status"] for _, body in found] == ["cancelled", "cancelled"]
                assert (await instances[asked].ask(method, path))[1]["status"] == "cancelled"

    run(work())


def test_a_response_of_an_instance_that_has_died_has_failed() -> None:
    async def work() -> None:
        one = Instance(memory())
        response = {"id": "resp_1", "status": "in_progress", "background": True}
        record = Record(response, {"format": "chat", "items": []}, alive_until=time.time() - 1)
        await one.store.put("resp_1", record.to_bytes())
        status, body = await one.ask("GET", "/resp_1")
        assert (status, body["status"]) == (200, "failed")
        assert "has ended" in body["error"]["message"]

    run(work())


def test_a_shutdown_leaves_no_response_behind_unfinished() -> None:
    async def work() -> None:
        one = Instance(memory())
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
        await asyncio.sleep(0)  # the watcher has begun
        (watcher,) = one.counter.tasks
        watcher.cancel()
        await asyncio.wait({watcher}, timeout=10)
        payload = await one.store.get("resp_1")
        assert payload is not None
        assert "shut down" in read_record(payload).response["error"]["message"]

    run(work())


def test_a_stream_can_be_followed_from_any_event_on_and_ends_when_it_is_cancelled() -> None:
    async def work() -> None:
        one = Instance(memory())
        body = {"input": "Hi", "request_id": "resp_1", "background": True, "stream": True}
        first = asyncio.create_task(one.raw("POST", body=body))
        await one.until("resp_1", "queued")
        second = asyncio.create_task(one.raw("GET", "/resp_1", query="stream=true&starting_after=0"))
        await asyncio.sleep(QUICK)
        assert not first.done()
        assert not second.done()
        await one.ask("POST", "/resp_1/cancel")
        async with asyncio.timeout(10):
            texts = [(await first)[1], (await second)[1]]
        assert "response.created" in texts[0]
        assert "response.created" not in texts[1]
        assert all('"status": "cancelled"' in text for text in texts)
        assert await one.raw("GET", "/resp_1", query="stream=true&starting_after=0") == (200, texts[1])

    run(work())


def test_the_events_of_a_finished_stream_can_be_read_elsewhere(tmp_path: Path) -> None:
    async def work() -> None:
        async with two_instances(tmp_path) as (one, other):
            body = {"input": "Hi", "request_id": "resp_1", "background": True, "stream": True}
            first = asyncio.create_task(one.raw("POST", body=body))
            await one.until("resp_1", "queued")
            status, refusal = await other.ask("GET", "/resp_1", query="stream=true")
            assert (status, refusal["error"]["param"]) == (400, "stream")
            one.handler.go.set()
            await first
            status, text = await other.raw("GET", "/resp_1", query="stream=true")
            assert [line for line in text.splitlines() if line.startswith("event")] == [
                "event: response.created",
                "event: response.completed",
            ]

    run(work())


def test_while_the_store_is_down_plain_requests_go_on_and_others_are_told_to_come_back() -> None:
    async def work() -> None:
        store = BrokenStore(ResponseStoreSettings())
        one = Instance(store)
        store.off = True
        assert (await one.ask("POST", body={"input": "Hi"}))[0] == 200
        for method, path, body in (
            ("GET", "/resp_1", None),
            ("POST", "", {"input": "Hi", "previous_response_id": "resp_1"}),
            ("POST", "", {"input": "Hi", "background": True}),
        ):
            with pytest.raises(Problem) as caught:
                await one.ask(method, path, body)
            assert caught.value.status == 503
            assert any(name == b"retry-after" for name, _ in caught.value.headers)
        await asyncio.wait(one.handler.tasks, timeout=10)
        assert [task.cancelled() for task in one.handler.tasks] == [True]
        assert not one.surface.background.running

    run(work())


def test_background_responses_are_bounded() -> None:
    async def work() -> None:
        one = Instance(memory())
        body = {"input": "Hi", "background": True}
        for _ in range(AT_ONCE):
            assert (await one.ask("POST", body=body))[0] == 200
        with pytest.raises(Problem) as caught:
            await one.ask("POST", body=body)
        assert caught.value.status == 429
        one.handler.go.set()
        await one.until_idle()
        assert (await one.ask("POST", body=body))[0] == 200

    run(work())
