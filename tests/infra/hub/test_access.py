"""A Hub that does not answer: one error, without a long wait, with a hint."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from infra.errors import NotReady
from infra.hub.access import Hub
from infra.timeouts import Timeouts

SHORT = Timeouts(request=0.2)


@pytest.fixture
def silent() -> Iterator[str]:
    """A Hub that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda hub: hub.model("org/name", None, None), id="model"),
        pytest.param(lambda hub: hub.token("hf_x"), id="token"),
        pytest.param(lambda hub: hub.check_access("org/name", "hf_x"), id="access"),
    ],
)
def test_a_hub_that_hangs_is_waited_for_as_long_as_azure(silent: str, ask: Callable[[Hub], object]) -> None:
    with pytest.raises(NotReady) as error:
        ask(Hub(silent, timeouts=SHORT))
    assert (error.value.code, bool(error.value.hint)) == ("hub_unreachable", True)


@pytest.fixture
def hub_with() -> Iterator[Callable[[list[dict[str, Any]]], Hub]]:
    """A Hub that has one model with these files, and tells their sizes to who asks for them."""
    servers: list[HTTPServer] = []

    def start(files: list[dict[str, Any]]) -> Hub:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown = files if self.path.endswith("blobs=true") else [{"rfilename": f["rfilename"]} for f in files]
                body = json.dumps({"id": "org/name", "sha": "a" * 40, "siblings": shown}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return Hub(f"http://127.0.0.1:{servers[-1].server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("files", "weights"),
    [
        pytest.param({"a.safetensors": 5, "b.safetensors": 6, "pytorch_model.bin": 11}, 11, id="one-format-of-two"),
        pytest.param({"pytorch_model.bin": 7, "config.json": 1}, 7, id="bin-where-nothing-else-is"),
        pytest.param({"model.safetensors": 5, "original/a.safetensors": 5}, 5, id="not-what-lies-beside"),
        pytest.param({"config.json": 1}, None, id="none"),
        pytest.param({"model.safetensors": None}, None, id="no-size"),
    ],
)
def test_the_weights_of_a_model(hub_with: Any, files: dict[str, int | None], weights: int | None) -> None:
    siblings = [{"rfilename": name, "size": size} for name, size in files.items()]
    assert hub_with(siblings).model("org/name", None, None).weights == weights
