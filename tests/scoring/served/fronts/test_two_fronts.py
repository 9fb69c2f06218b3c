"""Both of vLLM's fronts before one engine, as clients and those who run a server see them."""

import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from scoring.engine.fronts.binary import RustBinary
from tests.scoring.processes import ScoringServer

pytestmark = pytest.mark.usefixtures("rust_binary")

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
GREEDY = {"temperature": 0, "max_tokens": 12}
AZURES = "/chat/completions?api-version=2025-04-01"


def line_of(server: ScoringServer, request_id: str) -> Any:
    """The access log's line of a request."""
    deadline = time.monotonic() + 30
    while True:
        for line in server.lines:
            if line.startswith("{") and f'"request_id": "{request_id}"' in line:
                return json.loads(line)
        assert time.monotonic() < deadline, f"no line of {request_id}"
        time.sleep(0.05)


def post(server: ScoringServer, body: Any, path: str = CHAT) -> tuple[httpx.Response, Any]:
    """Return the answer and its line in the access log."""
    request_id = uuid.uuid4().hex
    headers = {"x-request-id": request_id, "content-type": "application/json"}
    content = body if isinstance(body, bytes) else json.dumps({"model": "", "messages": HI, **GREEDY, **body})
    answer = httpx.post(f"{server.base_url}{path}", content=content, headers=headers, timeout=60)
    return answer, line_of(server, request_id)


@pytest.mark.parametrize("path", [CHAT, "/", "/score", AZURES])
@pytest.mark.parametrize("stream", [True, False])
def test_plain_chat_is_the_rust_fronts(
    chat_server: ScoringServer, rust_binary: RustBinary, path: str, stream: bool
) -> None:
    answer, line = post(chat_server, {"stream": stream}, path)
    assert (answer.status_code, line["front"], line["status"]) == (200, "rust", 200)
    assert answer.text.endswith("data: [DONE]\n\n") == stream
    assert "first_byte_seconds" in line


def test_ready_says_which_fronts_answer(chat_server: ScoringServer) -> None:
    assert chat_server.get("/health/ready").json()["fronts"] == ["rust", "python"]


# What the Rust front refuses or answers otherwise, and vLLM's Python app takes: the client gets the app's answer.
PYTHONS = [
    pytest.param({"n": 2, "temperature": 1}, 200, id="two-answers"),
    pytest.param({"response_format": {"type": "json_object"}}, 200, id="json"),
    pytest.param({"max_tokens": "5"}, 200, id="number-as-text"),
    pytest.param({"temperature": -1}, 400, id="negative-temperature"),
    pytest.param({"messages": [{"role": "user", "content": "x " * 5000}]}, 400, id="prompt-over-the-context"),
    pytest.param({"model": "nobody"}, 404, id="unknown-model-refused-before-either"),
    pytest.param({"stop": ["\ud800"]}, 422, id="refused-before-either"),
]


@pytest.mark.parametrize(("body", "status"), PYTHONS)
def test_what_the_rust_front_does_not_take(chat_server: ScoringServer, body: Any, status: int) -> None:
    answer, line = post(chat_server, body)
    assert answer.status_code == status, answer.text
    assert line.get("front") == (None if status in (404, 422) else "python")
    if status != 200:
        assert answer.json()["error"]["code"] == status


def test_fronts_say_the_same(chat_server: ScoringServer) -> None:
    """A number written as text makes it the Python app's: the Rust front does not take that."""
    by_rust, rust = post(chat_server, {})
    by_python, python = post(chat_server, {"max_tokens": "12"})
    assert (rust["front"], python["front"]) == ("rust", "python")
    (one,), (other,) = by_rust.json()["choices"], by_python.json()["choices"]
    assert one["message"]["content"] == other["message"]["content"]
    assert {"content", "role", "refusal"} <= one["message"].keys()
    assert by_rust.json()["usage"]["completion_tokens"] == by_python.json()["usage"]["completion_tokens"]


def test_openais_client_reads_every_event(openai_client: OpenAI, chat_model: str) -> None:
    chunks = list(openai_client.chat.completions.create(model=chat_model, messages=HI, stream=True, **GREEDY))  # type: ignore[call-overload]
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons[:-1] == [None] * (len(reasons) - 1)
    assert reasons[-1] in ("stop", "length")
    completions = list(openai_client.completions.create(model=chat_model, prompt="Hi", stream=True, **GREEDY))  # type: ignore[call-overload]
    reasons = [one.choices[0].finish_reason for one in completions]
    assert (reasons[0], reasons[-1] in ("stop", "length")) == (None, True)


def test_usage_of_a_stream_is_written_down(chat_server: ScoringServer) -> None:
    _, line = post(chat_server, {"stream": True, "stream_options": {"include_usage": True}, "ignore_eos": True})
    assert (line["completion_tokens"], line["prompt_tokens"] > 5) == (12, True)


def test_many_streams_side_by_side_say_what_each_says_alone(chat_server: ScoringServer) -> None:
    def ask(number: int) -> str:
        body = {"stream": True, "messages": [{"role": "user", "content": f"Count from {number} on."}]}
        answer, line = post(chat_server, body)
        assert (answer.status_code, line["front"]) == (200, "rust")
        events = [line[len("data: ") :] for line in answer.text.split("\n\n") if line]
        assert events.pop() == "[DONE]"
        return "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events)

    alone = [ask(number) for number in range(4)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, [number % 4 for number in range(24)]))
    # One token may differ between batches on a CPU; a mix-up would leave nothing in common.
    assert [text[:8] for text in together] == [alone[number % 4][:8] for number in range(24)]


def test_two_requests_sent_at_once_on_one_connection_are_answered_in_turn(chat_server: ScoringServer) -> None:
    host, port = chat_server.base_url.removeprefix("http://").split(":")
    requests = b""
    for limit in (3, 5):
        body = json.dumps({"model": "", "messages": HI, "max_tokens": limit, "ignore_eos": True}).encode()
        close = "connection: close\r\n" if limit == 5 else ""
        head = (
            f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{close}content-length: {len(body)}"
        )
        requests += head.encode() + b"\r\n\r\n" + body
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(requests)
        received = b""
        while piece := client.recv(65536):
            received += piece
    bodies = [json.loads(part[part.index(b"{") :]) for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [body["usage"]["completion_tokens"] for body in bodies] == [3, 5]


def test_client_that_reads_nothing_holds_up_no_other(chat_server: ScoringServer) -> None:
    host, port = chat_server.base_url.removeprefix("http://").split(":")
    body = json.dumps({"model": "", "messages": HI, "max_tokens": 1500, "ignore_eos": True, "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(head.encode() + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        answer, _ = post(chat_server, {"stream": True})
        assert answer.text.endswith("data: [DONE]\n\n")


COMPLETIONS = "/v1/completions"
ASKED = {"prompt": "The capital of France is", "max_tokens": 4, "ignore_eos": True}
LONG = {"prompt": "Once upon a time", "max_tokens": 1500, "ignore_eos": True, "stream": True}


def metrics(url: str) -> dict[str, float]:
    """Every sample by its name and its labels, but for the model's name."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=60).text):
        for sample in family.samples:
            labels = [f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "model_name"]
            name = " ".join([sample.name, *labels])
            assert name not in found, "a sample stands twice"
            found[name] = sample.value
    return found


def wait_for(url: str, name: str, value: float) -> None:
    """Wait until a metric has this value: vllm-rs tells of a token before it counts it."""
    deadline = time.monotonic() + 60
    while metrics(url).get(name, 0) != value:
        assert time.monotonic() < deadline, f"{name} is not {value}"
        time.sleep(0.05)


def counted(front: str, status: int) -> str:
    return f"gatelift_requests_total front={front} route=POST {COMPLETIONS} status={status}"


def test_both_are_ready(chat_server: Any, rust_binary: RustBinary) -> None:
    assert chat_server.get("/health/ready").json()["fronts"] == ["rust", "python"]
    found = metrics(chat_server.base_url)
    assert (found["gatelift_front front=rust"], found["gatelift_front front=python"]) == (1, 1)


def test_metrics_add_both_up(chat_url: str, rust_binary: RustBinary) -> None:
    before = metrics(chat_url)
    for _ in range(3):
        assert httpx.post(chat_url + COMPLETIONS, json=ASKED, timeout=60).status_code == 200
    two = httpx.post(chat_url + COMPLETIONS, json={**ASKED, "n": 2}, timeout=60)  # the Rust front makes one answer
    assert len(two.json()["choices"]) == 2
    refused = httpx.post(chat_url + COMPLETIONS, json={**ASKED, "temperature": -1}, timeout=60)
    assert refused.status_code == 400
    wait_for(chat_url, counted("python", 400), before.get(counted("python", 400), 0) + 1)
    after = metrics(chat_url)

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more("vllm:generation_tokens_total engine=0") == 5 * 4
    assert more("vllm:request_success_total engine=0 finished_reason=length") == 5
    for bucket in ("vllm:request_prompt_tokens_count engine=0", "vllm:request_prompt_tokens_bucket engine=0 le=+Inf"):
        assert more(bucket) == 5
    assert (more(counted("rust", 200)), more(counted("python", 200)), more(counted("python", 400))) == (3, 1, 1)
    wait_for(chat_url, "vllm:num_requests_running engine=0", 0)


def test_a_request_that_its_client_has_left_is_counted(chat_url: str, rust_binary: RustBinary) -> None:
    before = metrics(chat_url).get(counted("rust", 499), 0)
    with httpx.stream("POST", chat_url + COMPLETIONS, json=LONG, timeout=60) as answer:
        lines = answer.iter_lines()  # if nobody had it, the connection would be closed
        next(lines)
        wait_for(chat_url, "vllm:num_requests_running engine=0", 1)
    wait_for(chat_url, counted("rust", 499), before + 1)
    wait_for(chat_url, "vllm:num_requests_running engine=0", 0)


def test_a_gauge_is_told_while_both_are_at_work(chat_url: str, rust_binary: RustBinary) -> None:
    pythons = {**LONG, "echo": True}
    with (
        httpx.stream("POST", chat_url + COMPLETIONS, json=pythons, timeout=60) as first,
        httpx.stream("POST", chat_url + COMPLETIONS, json=LONG, timeout=60) as second,
    ):
        lines = first.iter_lines(), second.iter_lines()
        for one in lines:
            next(one)
        wait_for(chat_url, "vllm:num_requests_running engine=0", 2)
    wait_for(chat_url, "vllm:num_requests_running engine=0", 0)


def test_its_command_line_names_only_what_is_its_own(chat_server: Any, rust_binary: RustBinary) -> None:
    lines = [
        path.read_bytes().split(b"\0")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"PPid:\t{chat_server.pid}\n" in (path.parent / "status").read_text()
    ]
    arguments = next(line for line in lines if line[0].endswith(b"vllm-rs"))[-2]
    assert b'"max_model_len": 2048' in arguments
    for name in (b"api_key", b"hf_token", b"allowed_media_domains"):
        assert name not in arguments
