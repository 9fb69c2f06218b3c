"""The engine and its HTTP surface in a thread of their own, for hosts that call us synchronously (azmlinfsrv)."""

import asyncio
import atexit
import json
import logging
import os
import queue
import select
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import uvicorn

from scoring.asgi import ASGIApp, ClientGone, Message, Scope, local_scope, never, replaying
from scoring.engine import modules
from scoring.process.host_driver import settle
from scoring.process.lifecycle import bring_up, watch_engines
from scoring.process.server import configure_logging, leave, log_death, log_failure
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.access_log import AccessLog
from scoring.web.application import Application
from scoring.web.service import Service, State

logger = logging.getLogger("scoring")

CHUNKS_AHEAD = 64
LOOK_SECONDS = 1.0  # between two looks whether the client still waits
CLIENT_CLOSED = 499
HANG_UP = getattr(select, "POLLRDHUP", 0)  # Linux tells of it; a connection in ruins is told of everywhere


@dataclass
class Reply:
    """An answer whose body may still be under way; closing the iterator aborts the generation."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterator[bytes]

    @property
    def streams(self) -> bool:
        """Whether the body is an event stream."""
        return any(name.lower() == "content-type" and "event-stream" in value for name, value in self.headers)


class BackgroundServer:
    """One engine on an event loop in a daemon thread; `call` may be used from any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._app = AccessLog(Application(service), service.counts)
        self._loop = uvicorn.Config(app=self._app).get_loop_factory()()  # type: ignore[misc]

    @classmethod
    def started(cls, environ: Mapping[str, str] | None = None) -> "BackgroundServer":
        """Start the engine as the environment says and wait for the first token."""
        configure_logging()
        # The host has started this process: the path is for the engine's, which is started afresh.
        logger.info("[startup] %s", settle(os.environ))
        settings = read_settings([], os.environ if environ is None else environ)
        settings = replace(settings, fork_engine=False)  # threads that we know nothing of run in this process
        modules.prepare_environment(os.environ)
        background = cls(Service(settings, Timeline()))
        threading.Thread(target=background._loop.run_forever, daemon=True, name="engine").start()
        try:
            asyncio.run_coroutine_threadsafe(bring_up(background._service), background._loop).result()
        except Exception as error:
            log_failure(error)
            raise
        asyncio.run_coroutine_threadsafe(background._leave_when_dead(), background._loop)
        atexit.register(background._at_exit)
        return background

    def _at_exit(self) -> None:
        try:
            self.close()
        finally:
            if "azureml_inference_server_http" in sys.modules:
                leave(0)  # a worker of it ends here: taking the interpreter down under the engine's thread crashes

    def close(self) -> None:
        """End the engine's processes; the host is going away."""
        self._service.state = State.DRAINING
        for engine in self._service.engines:
            asyncio.run_coroutine_threadsafe(engine.close(), self._loop).result(10)

    async def _leave_when_dead(self) -> None:
        await watch_engines(self._service)
        self._service.state = State.FAILED
        for engine in self._service.engines:
            engine.do_without_rust("the engine died")  # it would let its streams hang
        await self._service.drain(2)
        log_death()
        leave(1)

    def call(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        query: bytes = b"",
        headers: Mapping[str, str],
        gone: Callable[[], bool] = lambda: False,
    ) -> Reply:
        """Send one request through the HTTP surface; return as soon as the answer begins or the client is gone."""
        scope = local_scope(method, path, body, query=query, headers=headers)
        exchange = _Exchange(self._loop, gone)
        future = asyncio.run_coroutine_threadsafe(exchange.run(self._app, scope, body), self._loop)
        try:
            start = exchange.next()
        except ClientGone:
            future.cancel()
            return Reply(CLIENT_CLOSED, [], iter(()))
        if start is None:
            future.result()
            raise RuntimeError("the request was given up before an answer began")
        headers_out = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        return Reply(start["status"], headers_out, exchange.chunks(future.cancel))


class _Exchange:
    """One request between a waiting thread and the event loop, a bounded number of chunks apart."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gone: Callable[[], bool]) -> None:
        self._loop = loop
        self._gone = gone
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(CHUNKS_AHEAD)

    async def run(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        try:
            await app(scope, replaying(body, never), self._send)
        finally:
            self._messages.put(None)

    async def _send(self, message: Message) -> None:
        await self._room.acquire()
        self._messages.put(message)

    def next(self) -> Message | None:
        message = self._take()
        self._loop.call_soon_threadsafe(self._room.release)
        return message

    def _take(self) -> Message | None:
        while True:
            try:
                return self._messages.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if self._gone():
                    raise ClientGone from None

    def chunks(self, give_up: Callable[[], Any]) -> Iterator[bytes]:
        try:
            while (message := self.next()) is not None:
                if message.get("body"):
                    yield message["body"]
        except ClientGone:
            return
        finally:
            give_up()


def scoring_path(method: str, body: bytes) -> str:
    """Tell the two request shapes apart: `input` without `messages` is a Responses request."""
    if method != "POST":
        return "/score"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "/score"  # the surface says what is wrong with it
    responses = isinstance(document, dict) and "input" in document and "messages" not in document
    return "/v1/responses" if responses else "/score"


def answer_flask(background: BackgroundServer, request: Any) -> Any:
    """Answer a Flask request with a Flask response, chunk by chunk when it streams."""
    from flask import Response  # there because Azure's inference server is

    body = request.get_data()
    reply = background.call(
        request.method,
        scoring_path(request.method, body),
        body,
        query=request.query_string,
        headers=dict(request.headers),
        gone=gone_client(request.environ),
    )
    headers = [(name, value) for name, value in reply.headers if name.lower() != "content-length"]
    content = reply.body if reply.streams else b"".join(reply.body)
    return Response(content, status=reply.status, headers=headers, direct_passthrough=reply.streams)


def gone_client(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """Return what tells whether the client has closed its connection, where the host hands that over."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None:
        return lambda: False
    poll = select.poll()
    poll.register(connection, HANG_UP)
    return lambda: bool(poll.poll(0))


def answer_directly(background: BackgroundServer, data: str | bytes) -> Any:
    """Answer a body that is given as text: the decoded object, or an iterator of text for a stream."""
    body = data.encode() if isinstance(data, str) else data
    reply = background.call("POST", scoring_path("POST", body), body, headers={})
    if reply.streams:
        return (chunk.decode() for chunk in reply.body)
    return json.loads(b"".join(reply.body))
