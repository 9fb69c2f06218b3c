"""The server in a thread, over an engine that never answers: a client that leaves is not waited for."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from scoring.asgi import Receive, Scope, Send
from scoring.process.background_server import BackgroundServer, gone_client
from scoring.settings.settings import read_settings
from scoring.timeline import Timeline
from scoring.web.service import Service, State

BODY = json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode()


class Engine(SimpleNamespace):
    """Stands where vLLM's engine does, and generates until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(
            tasks=("generate",), names=["m"], adapters=[], dead=False, max_num_seqs=1, max_num_queued=0,
            media_hosts=frozenset(), refuses_seeds=False, api_keys=(), max_model_len=1024, rust=None,
            fronts=("python",),
        )  # fmt: skip
        self.asked = threading.Event()
        self.stopped = threading.Event()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection: the client's and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


def test_client_that_leaves_ends_its_generation(connection: tuple[socket.socket, socket.socket]) -> None:
    client, server = connection
    service = Service(read_settings(["a/model"], {}), Timeline())
    engine: Any = Engine()
    service.add(engine)
    service.state, service.api = State.READY, engine.app
    background = BackgroundServer(service)
    threading.Thread(target=background._loop.run_forever, daemon=True).start()
    gone = gone_client({"gunicorn.socket": server})
    replies: list[Any] = []
    calling = threading.Thread(
        target=lambda: replies.append(background.call("POST", "/score", BODY, headers={}, gone=gone)), daemon=True
    )
    calling.start()
    assert engine.asked.wait(30)
    client.close()
    calling.join(30)
    assert (replies[0].status, list(replies[0].body)) == (499, [])
    assert engine.stopped.wait(30)
    background._loop.call_soon_threadsafe(background._loop.stop)


def test_client_that_waits_or_sends_more_is_there(connection: tuple[socket.socket, socket.socket]) -> None:
    client, server = connection
    gone = gone_client({"gunicorn.socket": server})
    assert not gone()
    client.sendall(b"the next request")
    assert not gone()
    client.close()
    while not gone():
        continue
    assert not gone_client({})()
