"""Instances of the server over engines that say one word at a time, when a test lets them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from scoring.asgi import Message, Receive, Scope, Send, local_scope, read_body, replaying, send_json
from scoring.process.lifecycle import open_store
from scoring.responses.store.base import ResponseStore, StoreUnavailable
from scoring.responses.store.memory import MemoryStore
from scoring.responses.surface import Responses
from scoring.settings.response_store import ResponseStoreSettings
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.api.app import build_api
from scoring.web.application import Application
from scoring.web.service import Service, State
from tests.scoring.responses.checking import check_response
from tests.scoring.resting import RestingEngine

LOOK = 0.02
SLOW = {"input": "Hi", "background": True, "request_id": "resp_1"}
ONE = "/responses/resp_1"
WORDS = ("Hi", " you", ".")


class TalkingEngine(RestingEngine):
    """Says `WORDS`, each after the first only when `go` is set; it notes what has been broken off."""

    def __init__(self) -> None:
        super().__init__("generate")
        self.go = asyncio.Event()
        self.go.set()
        self.refuses = self.breaks = False
        self.running = self.aborted = 0
        self.words: Sequence[Any] = WORDS  # texts; or deltas of a chat, as they are
        self.finish = "stop"
        self.max_num_seqs, self.max_num_queued = 4, 4

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a chat or count its tokens."""
        self.asked.append(json.loads(await read_body(scope, receive, 1 << 30)))
        if scope["path"] == "/tokenize":
            words = sum(len(message["content"].split()) for message in self.asked[-1]["messages"])
            await send_json(send, 200, {"count": words})
        elif self.refuses:
            await send_json(send, 400, {"error": {"message": "It is too long.", "param": "input"}})
        else:
            await self._talk(receive, send)

    async def _talk(self, receive: Receive, send: Send) -> None:
        self.running += 1
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for number, word in enumerate(self.words):
                delta = word if isinstance(word, dict) else {"content": word}
                await self._say(send, {"choices": [{"delta": delta}]})
                if number == 0:
                    await asyncio.wait({gone, asyncio.ensure_future(self.go.wait())}, return_when="FIRST_COMPLETED")
                if gone.done() or self.breaks:
                    raise RuntimeError("a secret of the engine")
            await self._say(send, {"choices": [{"delta": {}, "finish_reason": self.finish}]})
            usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
            await self._say(send, {"choices": [], "usage": usage})
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        except BaseException:
            self.aborted += 1
            raise
        finally:
            gone.cancel()
            self.running -= 1

    async def _say(self, send: Send, chunk: dict[str, Any]) -> None:
        body = b"data: %b\n\n" % json.dumps(chunk).encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class BrokenStore(MemoryStore):
    """A store that can be switched off."""

    off = False

    async def get(self, key: str) -> Any:
        """Find it, if switched on."""
        if self.off:
            raise StoreUnavailable("off")
        return await super().get(key)

    async def add(self, key: str, payload: bytes, owner: str) -> Any:
        """Keep it, if switched on."""
        if self.off:
            raise StoreUnavailable("off")
        return await super().add(key, payload, owner)

    async def replace(self, key: str, payload: bytes, version: int) -> Any:
        """Keep it, if switched on."""
        if self.off:
            raise StoreUnavailable("off")
        return await super().replace(key, payload, version)

    async def room(self, owner: str) -> int:
        """Tell the room, if switched on."""
        if self.off:
            raise StoreUnavailable("off")
        return await super().room(owner)


class Call:
    """A request that may go on for a while; `hang_up` is the client's leaving."""

    def __init__(self, app: Application, method: str, path: str, body: Any, key: str) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self._left = asyncio.Event()
        path, _, query = path.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        scope = local_scope(method, path, data, query=query.encode(), headers=headers)
        self.task = asyncio.create_task(app(scope, replaying(data, self._receive), self._send))

    def hang_up(self) -> None:
        """Leave."""
        self._left.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that have come."""
        lines = self.body.decode().split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    async def until_event(self, kind: str) -> None:
        """Wait until an event has come."""
        async with asyncio.timeout(10):
            while kind not in [event["type"] for event in self.events]:  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def done(self) -> "Call":
        """Wait until it is answered."""
        async with asyncio.timeout(20):
            await self.task
        return self

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        self.body += message.get("body", b"")


class Instance:
    """One instance over a store."""

    def __init__(self, store: ResponseStore | None = None, **environ: str) -> None:
        self.store = store or memory()
        self.engine = TalkingEngine()
        self.service = Service(read_settings(["a/model"], environ), Timeline())
        self.service.add(self.engine)  # type: ignore[arg-type]
        self.service.state = State.READY
        self.responses = Responses(self.store, self.service)
        self.responses.keeper.look_seconds = LOOK
        self.service.api = build_api(self.service, self.responses)
        self.app = Application(self.service)

    def call(self, method: str, path: str, body: Any = None, key: str = "") -> Call:
        """Begin a request below /v1; a body for /responses needs no model."""
        if method == "POST" and path.startswith("/responses") and body is not None:
            body = {"model": "a/model", **body}
        return Call(self.app, method, f"/v1{path}", body, key)

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Return status and document of an answer."""
        answer = await self.call(method, path, body, key).done()
        return answer.status, json.loads(answer.body)

    async def until(self, response_id: str, *status: str, key: str = "") -> dict[str, Any]:
        """Return the response once it has one of these states."""
        async with asyncio.timeout(10):
            while True:
                response: dict[str, Any] = (await self.ask("GET", f"/responses/{response_id}", key=key))[1]
                if response["status"] in status:
                    return response
                await asyncio.sleep(0.005)

    async def until_idle(self) -> None:
        """Wait until nothing is under way."""
        async with asyncio.timeout(10):
            while self.service.in_flight or self.engine.running:  # noqa: ASYNC110
                await asyncio.sleep(0.002)


async def begun(instance: Instance, **more: Any) -> None:
    """Have a response under way in the background that goes on when its engine may."""
    instance.engine.go.clear()
    status, response = await instance.ask("POST", "/responses", {**SLOW, **more})
    assert (status, response["status"]) == (200, "queued")
    check_response(response)
    await instance.until("resp_1", "in_progress")


def memory(**limits: Any) -> MemoryStore:
    """Return an empty store."""
    return MemoryStore(ResponseStoreSettings(**limits))


@asynccontextmanager
async def two_instances(url: str) -> AsyncIterator[tuple[Instance, Instance]]:
    """Two instances that share a store."""
    settings = ResponseStoreSettings(url=url)
    one, other = await open_store(settings), await open_store(settings)
    try:
        yield Instance(one), Instance(other)
    finally:
        await one.close()
        await other.close()
