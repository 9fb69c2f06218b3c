"""The whole HTTP surface over an engine that does not run: it keeps what it is asked, and answers in fixed words."""

import asyncio
import json
from typing import Any

from scoring.asgi import Message, Receive, Scope, Send, local_scope, never, read_body, replaying, send_json
from scoring.contracts.embeddings import EmbeddingFacts
from scoring.responses.store.memory import MemoryStore
from scoring.responses.surface import Responses
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.api.app import build_api
from scoring.web.application import Application
from scoring.web.service import Service, State

VERSION = b"api-version=2025-04-01"
VECTOR = [0.5, -0.5, 0.0, 0.25]
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
ANSWERS: dict[str, Any] = {
    "/v1/models": {"object": "list", "data": [{"id": "a/model", "object": "model"}]},
    "/v1/chat/completions": {
        "id": "c", "object": "chat.completion", "created": 1, "model": "a/model", "choices": [CHOICE], "usage": USAGE,
    },
    "/v1/embeddings": {
        "id": "e", "object": "list", "model": "a/model", "usage": USAGE,
        "data": [{"index": 0, "object": "embedding", "embedding": VECTOR}],
    },
}  # fmt: skip


class RestingEngine:
    """What the surface needs of an engine."""

    dead = refuses_seeds = False
    max_num_seqs, max_num_queued = 1, 0
    max_model_len = 2048
    media_hosts: frozenset[str] = frozenset()
    api_keys: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    rust = None
    fronts = ("python",)

    def __init__(self, *tasks: str) -> None:
        self.tasks = tasks
        self.names = ["a/model"]
        self.asked: list[dict[str, Any]] = []

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the document, and answer."""
        if scope["method"] == "POST":
            self.asked.append(json.loads(await read_body(scope, receive, 1 << 30)))
        await send_json(send, 200, ANSWERS.get(scope["path"], {}))


def served(*tasks: str, state: State = State.READY, **environ: str) -> Application:
    """Return an application over one engine that can do these tasks, if it were asked."""
    service = Service(read_settings(["a/model"], environ), Timeline())
    service.add(RestingEngine(*tasks))  # type: ignore[arg-type]
    service.embeddings = EmbeddingFacts(len(VECTOR), {"query": "q: "})
    service.state = state
    service.api = build_api(service, Responses(MemoryStore(service.settings.responses), service))
    return Application(service)


def ask(app: Application, method: str, path: str, body: Any = None, query: bytes = VERSION, **headers: str) -> Any:
    """Return status, headers and document of the answer; header names take `_` for `-`."""
    data = b"" if body is None else json.dumps(body).encode()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asyncio.run(app(local_scope(method, path, data, query=query, headers=named), replaying(data, never), send))
    text = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(text) if text else None


def reached(path: str, body: Any, **headers: str) -> Any:
    """Return what vLLM is asked by a request, or the answer that refuses it."""
    app = served("generate", "embed", "embed images")
    status, _, document = ask(app, "POST", path, body, **headers)
    asked = app.service.engines[0].asked  # type: ignore[attr-defined]
    return asked[0] if status == 200 else document
