"""One request on its way to an engine and back: which engine, whether it has room, what the body says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scoring.asgi import Receive, Scope, Send, header
from scoring.contracts.models import check_served
from scoring.contracts.openai_answers import CompletionsWriter, OpenAiWriter
from scoring.contracts.openai_requests import check_named, openai_for_vllm
from scoring.contracts.paths import CHAT, COMPLETIONS
from scoring.engine.client import GENERATE, VllmEngine
from scoring.problems import Problem
from scoring.web.access_log import MODEL
from scoring.web.dispatch import Asked, dispatch
from scoring.web.intake import Received
from scoring.web.service import Service
from scoring.web.watched_send import WatchedSend

Document = dict[str, Any]


class Exchange:
    """A request and its answer, before and behind whatever router it passes."""

    KEY = "scoring.exchange"  # of the scope, for what is behind a router

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: WatchedSend) -> None:
        self.service = service
        self.scope = scope
        self.receive = receive
        self.send = send

    def engine_for(self, task: str) -> VllmEngine:
        """Return the engine that does a task; raises `Problem` (404) where there is none."""
        engine = self.service.engine_for(task)
        if engine is None:
            path = self.scope["path"]
            raise Problem(
                404, f"Modality not supported by the model: {path} needs one that can {task}; see /openapi.json."
            )
        self.send.model = self.scope[MODEL] = engine.names[0]
        return engine

    def serve_as(self, engine: VllmEngine, name: Any) -> None:
        """Note the name that is asked for, the model's or an adapter's; raises `Problem` (404) for any other."""
        check_served(engine, name)
        if name in engine.adapters:
            self.send.model = self.scope[MODEL] = name

    def check_type(self, status: int, *, required: bool) -> None:
        """Raise `Problem` where the body does not say that it is JSON; a browser may send it without asking first."""
        given = header(self.scope, b"content-type")
        if given is None and not required:
            return
        if (given or "").partition(";")[0].strip().lower() != "application/json":
            raise Problem(status, "Unsupported Media Type: Only 'application/json' is allowed")

    async def read(self, engine: VllmEngine) -> Received:
        """Read the body and check it; raises `Problem`, at once where the engine has no room."""
        self.service.gate(engine).check_room()
        return await self.service.intake.read_request(self.scope, self.receive, engine)

    @contextmanager
    def place(self, engine: VllmEngine) -> Iterator[None]:
        """Hold a place at an engine until the answer is sent or the context is left; raises `Problem` (429)."""
        with self.service.gate(engine).admitted() as place:
            self.send.on_end = place.end
            yield

    async def ask(self, engine: VllmEngine, asked: Asked, send: Send | None = None) -> None:
        """Have the engine answer, through `send` if one is given that rewrites; raises `Problem` (429)."""
        with self.place(engine):
            await dispatch(engine, asked)(self.scope, self.receive, send or self.send)

    async def answer_openai(
        self, task: str, path: str, for_vllm: Callable[[Document, str], Document] = openai_for_vllm
    ) -> None:
        """Answer a request of OpenAI's API by vLLM's `path`; `for_vllm` takes its document and the model's name."""
        engine = self.engine_for(task)
        received = await self.read(engine)
        if self.scope["path"].startswith("/v1/"):  # on / and /score Azure's own inference server takes any type
            self.check_type(400, required=True)
        if self.scope["path"] == CHAT:
            check_named(received.document, engine.names[0])
        asked = Asked.of(path, received, for_vllm(received.document, engine.names[0]))
        self.serve_as(engine, asked.document.get("model"))
        del received  # it may be large: nothing but what is asked refers to it while the answer is made
        writer = CompletionsWriter if path == COMPLETIONS else OpenAiWriter
        await self.ask(engine, asked, writer(self.send) if task == GENERATE else None)
