"""The smoke test after `up`: which answers pass, which are asked for again, and which fail."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.errors import NotReady, Refused
from infra.operations.connect import ConnectInfo
from infra.operations.smoke import ask
from infra.timeouts import Timeouts

Answers = list[tuple[int, dict[str, str], Any]]
GOOD: tuple[int, dict[str, str], Any] = (200, {}, {"choices": [{"message": {"content": " Paris. "}}]})
NEVER = 0
INNER = "ms-azureml-model-error-statuscode"


@pytest.fixture
def front_end() -> Iterator[Callable[[Answers], str]]:
    servers: list[ThreadingHTTPServer] = []
    over = threading.Event()

    def serve(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                if status == NEVER:
                    over.wait()
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield serve
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def asked(address: str, clock: Any, seconds: float = 7200.0) -> str:
    reached = ConnectInfo(address, f"{address}/score", "key", "model", "endpoint", "blue")
    return ask(reached, clock=clock, timeouts=Timeouts(operation=seconds))


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        pytest.param([GOOD], "Paris.", id="at-once"),
        pytest.param([(404, {}, {}), (401, {}, {}), GOOD], "Paris.", id="route-and-key-arrive-later"),
        pytest.param([(200, {}, {"choices": [{"message": {"reasoning": "hm"}}]})], "hm", id="only-reasoning"),
        pytest.param([(424, {INNER: "429", "Retry-After": "1"}, {}), GOOD], "Paris.", id="a-busy-container"),
        pytest.param([(424, {}, {}), GOOD], "Paris.", id="no-instance-is-ready-yet"),
        pytest.param(
            [(424, {INNER: "404"}, {"error": "Modality"}), (200, {}, {"data": [{"embedding": [0.1, 0.2]}]})],
            "an embedding of 2 numbers",
            id="an-embedding-model",
        ),
        pytest.param(
            [(424, {INNER: "400"}, {"error": "no chat template"}), (200, {}, {"choices": [{"text": " Paris"}]})],
            "Paris",
            id="a-base-model",
        ),
    ],
)
def test_an_answer(front_end: Callable[[Answers], str], manual_clock: Any, answers: Answers, text: str) -> None:
    assert text in asked(front_end(answers), manual_clock)


@pytest.mark.parametrize("status", [pytest.param(500, id="at-once"), pytest.param(503, id="after-a-while")])
def test_a_failure_is_told(front_end: Callable[[Answers], str], manual_clock: Any, status: int) -> None:
    address = front_end([(status, {}, {"error": "why"})])
    with pytest.raises(Refused) as error:
        asked(address, manual_clock, 5.0)
    assert error.value.code == "smoke_test_failed"
    assert "why" in str(error.value)


@pytest.mark.parametrize("status", ["400", "401", "404", "422", "500"])
def test_what_the_container_refuses_is_a_failure(
    front_end: Callable[[Answers], str], manual_clock: Any, status: str
) -> None:
    """Azure gives 424 for each of them; none is asked for again until the time is over."""
    address = front_end([(424, {INNER: status}, {"error": "this is wrong"})])
    with pytest.raises(Refused, match=f"{status} .from the container.: .*this is wrong") as error:
        asked(address, manual_clock)
    assert error.value.code == "smoke_test_failed"
    assert "--skip-smoke-test" in error.value.hint
    assert manual_clock.now() == 0


@pytest.mark.parametrize(
    "answers", [pytest.param([(403, {}, "no")], id="403"), pytest.param(None, id="nobody-answers-there")]
)
def test_a_private_endpoint_that_cannot_be_reached_says_from_where(
    front_end: Callable[[Answers], str], manual_clock: Any, answers: Answers | None
) -> None:
    address = front_end(answers) if answers else "http://127.0.0.1:9/v1"
    reached = ConnectInfo(address, f"{address}/score", "key", "model", "endpoint", "blue")
    with pytest.raises(NotReady, match="outside its network") as error:
        ask(reached, clock=manual_clock, timeouts=Timeouts(), private=True)
    assert error.value.code == "endpoint_private"
    assert "virtual network" in error.value.hint
    assert manual_clock.now() < 20


@pytest.mark.parametrize(
    "body", [{}, [], {"choices": []}, {"choices": [{"text": "Paris"}]}, {"choices": [{"message": 1}]}]
)
def test_an_answer_without_a_chat_completion_is_none(
    front_end: Callable[[Answers], str], manual_clock: Any, body: Any
) -> None:
    with pytest.raises(Refused, match="not with a chat completion") as error:
        asked(front_end([(200, {}, body)]), manual_clock)
    assert (error.value.code, bool(error.value.hint)) == ("smoke_test_failed", True)


def test_one_answer_that_never_comes_is_asked_for_again(front_end: Callable[[Answers], str], manual_clock: Any) -> None:
    answers: Answers = [(NEVER, {}, {}), GOOD]
    assert asked(front_end(answers), manual_clock, 0.5) == "Paris."


def test_answers_that_never_come_are_told(front_end: Callable[[Answers], str], manual_clock: Any) -> None:
    with pytest.raises(NotReady) as error:
        asked(front_end([(NEVER, {}, {})]), manual_clock, 0.5)
    assert (error.value.code, bool(error.value.hint)) == ("no_answer", True)
