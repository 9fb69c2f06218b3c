"""The client of Resource Manager sends its credential to that host and to no other."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from infra.azure.arm import Arm, Operation, refusal
from infra.errors import OperationFailed, Refused

ELSEWHERE = "https://elsewhere.example/operation"


class Credential:
    """A credential that always returns the same token and counts the calls."""

    def __init__(self) -> None:
        self.asked = 0

    def get_token(self, *scopes: str, **_: Any) -> Any:
        self.asked += 1
        return SimpleNamespace(token="secret")


class Pointing(BaseHTTPRequestHandler):
    """A service whose answers name a URL at another host, for an operation or for the next page."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"value": [], "nextLink": "https://elsewhere.example/more"}'
        self.send_response(200)
        self.send_header("Azure-AsyncOperation", ELSEWHERE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Failed(Pointing):
    """A service with a failed deployment whose operation no longer exists."""

    def do_GET(self) -> None:
        body = b'{"name": "blue", "properties": {"provisioningState": "Failed"}}'
        self.send_response(404 if "operation" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(params=[Pointing])
def pointing(request: pytest.FixtureRequest) -> Iterator[Arm]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Arm(f"http://127.0.0.1:{server.server_port}", Credential())
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "id",
    [
        pytest.param("@elsewhere.example/x", id="user-part"),
        pytest.param(".elsewhere.example/x", id="longer-name"),
        pytest.param(":9377/x", id="another-port"),
        pytest.param(":x/x", id="no-port"),
        pytest.param("https://elsewhere.example/x", id="absolute"),
        pytest.param("https://management.azure.com@elsewhere.example/x", id="absolute-with-user-part"),
    ],
)
def test_an_id_that_leads_elsewhere_is_not_asked(id: str) -> None:
    credential = Credential()
    with pytest.raises(Refused) as error:
        Arm("https://management.azure.com", credential).get(id)
    assert (error.value.code, credential.asked) == ("foreign_address", 0)


@pytest.mark.parametrize("url", ["https://management.azure.com:443/x", "https://Management.Azure.com/x"])
def test_an_address_may_be_written_otherwise(url: str) -> None:
    assert Arm("https://management.azure.com", Credential()).serves(url)


def test_a_next_page_elsewhere_is_not_asked(pointing: Any) -> None:
    with pytest.raises(Refused) as error:
        pointing.list("/x")
    assert (error.value.code, pointing.credential.asked) == ("foreign_address", 1)


def test_an_operation_elsewhere_is_told_by_its_resource(pointing: Any) -> None:
    operation = pointing.begin_put("/x", {})
    assert (operation.resource_id, operation.url) == ("/x", "")
    assert pointing.poll(operation).done


@pytest.mark.parametrize("pointing", [Failed], indirect=True)
@pytest.mark.parametrize("url", ["", "/operation"])
def test_a_failure_shows_where_its_operation_is_forgotten(pointing: Any, url: str) -> None:
    ended = pointing.poll(Operation("/blue", url))
    assert ended.done
    assert isinstance(ended.error, OperationFailed)
    assert "blue ended as Failed" in str(ended.error)
    assert pointing.poll(Operation("/blue", url, earlier=True)).error is None


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "az login"), (403, "gatelift doctor"), (429, "in a minute"), (503, "in a minute")]
)
def test_an_unknown_code_keeps_the_hint_of_its_status(status: int, hint: str) -> None:
    error = refusal(status, '{"error": {"code": "NeverSeen", "message": "no"}}')
    assert hint in error.hint
    assert "does not know the code NeverSeen" in error.hint
