"""A running server under requests that ask for too much, or for what they must not get."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.scoring.processes import wait_until

HI = [{"role": "user", "content": "Hi"}]
CHAT = "/v1/chat/completions"
JSON = "content-type: application/json\r\n"


def image(url: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


def running(url: str) -> float:
    """How many requests vLLM says it is running."""
    found = re.search(r"^vllm:num_requests_running\{[^}]*\} (\S+)", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"n": 17}, "n", id="n"),
        pytest.param({"top_k": 1 << 70}, "top_k", id="number-that-the-engine-cannot-be-sent"),
        pytest.param({"stop": "\ud800"}, "stop", id="text-that-the-engine-cannot-be-sent"),
        pytest.param({"structured_outputs": {"json": {"$ref": "#"}}}, "structured_outputs", id="schema-of-itself"),
        pytest.param({"messages": image("data:image/png;base64,AA==")[0:1] * 17}, None, id="images"),
        pytest.param({"metadata": json.loads("[" * 70 + "]" * 70)}, None, id="depth"),
    ],
)
def test_more_than_one_request_may_ask_for(chat_url: str, body: dict[str, Any], param: str | None) -> None:
    text = json.dumps(
        {"model": "", "messages": HI, "max_tokens": 1, **body}
    )  # httpx would not write half a surrogate pair
    answer = httpx.post(chat_url + CHAT, content=text, headers={"content-type": "application/json"}, timeout=30)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["param"] == param


LONG = "m" * 100_000
ASKED = {"model": "", "messages": HI}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param(CHAT, {"messages": HI, "model": LONG}, 404, id="model"),
        pytest.param(CHAT, {**ASKED, "logit_bias": {LONG: 1}}, 400, id="logit-bias"),
        pytest.param(CHAT, {**ASKED, "logit_bias": {str(10**6 + n): 1 for n in range(9000)}}, 400, id="tokens"),
        pytest.param(CHAT, {"model": "", "messages": [{"role": "user", "content": 5}], "n": LONG}, 400, id="types"),
        pytest.param("/v1/responses", {"model": "", "input": "Hi", "previous_response_id": LONG}, 404, id="response"),
        pytest.param("/v1/responses", {"model": "", "input": [{LONG: True}]}, 400, id="item"),
        pytest.param(f"/{LONG[:60_000]}", {}, 404, id="path"),
        pytest.param("/chat/completions?api-version=2025-04-01", {"messages": HI, LONG: 1}, 400, id="extra-parameter"),
        pytest.param(
            "/chat/completions?api-version=2025-04-01", {"messages": HI, **{f"x{n}": 1 for n in range(9000)}}, 400,
            id="extra-parameters",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_not_sent_back(chat_url: str, path: str, body: dict[str, Any], status: int) -> None:
    answer = httpx.post(chat_url + path, json=body, timeout=60)
    message = answer.json()["error"]["message"]
    assert answer.status_code == status, message
    assert len(answer.content) < 4000
    assert "\n" not in message
    assert len(message) <= 600


def test_log_repeats_no_long_names_either(chat_server: Any, chat_url: str) -> None:
    answer = httpx.post(chat_url + CHAT, json={"messages": HI, "model": "long-name" * 10_000}, timeout=60)
    assert answer.status_code == 404
    wait_until(lambda: any(answer.headers["x-request-id"] in line for line in chat_server.lines))
    assert all(len(line) < 2000 for line in chat_server.lines if "long-name" in line or "404" in line)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"prompt": [True]}, "prompt.0", id="switch-for-a-token"),
        pytest.param({"prompt": "Hi", "max_tokens": 2049}, "max_tokens", id="more-than-the-context"),
        pytest.param({"prompt": "Hi", "max_tokens": "many"}, "max_tokens", id="words-for-a-number"),
    ],
)
def test_refused_completion(chat_url: str, body: dict[str, Any], param: str) -> None:
    answer = httpx.post(f"{chat_url}/v1/completions", json={"max_tokens": 1, **body}, timeout=60)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("path", ["/v1/completions", CHAT])
def test_null_is_not_given(chat_url: str, path: str) -> None:
    names = ("n", "stream", "stop", "seed", "temperature", "top_p", "logprobs", "user", "stream_options", "logit_bias")
    asked = {"prompt": "Hi"} if path != CHAT else {"model": "", "messages": HI}
    answer = httpx.post(chat_url + path, json={**asked, "max_tokens": 1, **dict.fromkeys(names)}, timeout=60)
    assert answer.status_code == 200, answer.text


def test_max_tokens_are_cut_to_what_the_prompt_leaves(chat_url: str) -> None:
    body = {"prompt": "word " * 2020, "max_tokens": 2048, "ignore_eos": True}
    usage = httpx.post(f"{chat_url}/v1/completions", json=body, timeout=120).json()["usage"]
    assert usage["total_tokens"] == 2048


def test_echo_of_a_prompt_alone(chat_url: str) -> None:
    body = {"prompt": "The capital of", "max_tokens": 0, "echo": True, "temperature": 0}
    answer = httpx.post(f"{chat_url}/v1/completions", json=body, timeout=60)
    assert answer.json()["choices"][0]["text"] == "The capital of"


def test_head_without_an_end(chat_url: str) -> None:
    host, port = chat_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nx: " + b"x" * 70_000)
        assert client.recv(64).startswith(b"HTTP/1.1 431 ")


def test_what_cannot_be_sent_is_told_in_azures_words(chat_url: str) -> None:
    url = f"{chat_url}/chat/completions?api-version=2025-04-01"
    answer = httpx.post(url, content=json.dumps({"messages": HI, "stop": "\ud800"}), timeout=30)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]["loc"] == ["body", "stop"]
    assert httpx.get(f"{chat_url}/health/ready").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://example.com/a.png", id="http"),
        pytest.param("https://example.com/a.png", id="host-not-listed"),
        pytest.param("https://169.254.169.254/metadata", id="instance-metadata"),
        pytest.param("https://localhost/a.png", id="loopback"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("file:/etc/passwd", id="file-with-one-slash"),
        pytest.param("ftp://example.com/a", id="ftp"),
        pytest.param("https://[::1]/a", id="loopback-v6"),
        pytest.param("https://exa\\mple@127.0.0.1/", id="crooked"),
        pytest.param("HTTPS://0x7f000001/", id="number-for-a-host"),
    ],
)
@pytest.mark.parametrize(
    ("path", "key"),
    [pytest.param(CHAT, "messages", id="chat"), pytest.param("/v1/responses", "input", id="responses")],
)
def test_media_are_not_fetched(chat_url: str, path: str, key: str, url: str) -> None:
    content = image(url)
    if key == "input":
        content = [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]
    answer = httpx.post(chat_url + path, json={"model": "", key: content}, timeout=30)
    assert answer.status_code == 422, answer.text
    assert "not allowed" in answer.text or "Media may come" in answer.text


def test_body_over_the_limit_as_declared(chat_url: str) -> None:
    host, port = chat_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\n{JSON}content-length: 67108864\r\n\r\n".encode())
        assert client.recv(64).startswith(b"HTTP/1.1 413 ")


def test_body_over_the_limit_in_chunks(chat_url: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * (1024 * 1024)

    try:
        answer = httpx.post(chat_url + CHAT, content=chunks(), headers={"content-type": "application/json"}, timeout=60)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == 413
    except httpx.WriteError:
        assert httpx.get(f"{chat_url}/health/ready").status_code == 200  # refused while the client still wrote


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_ends_its_generation(chat_url: str, stream: bool) -> None:
    body = {"model": "", "messages": HI, "max_tokens": 1800, "ignore_eos": True, "stream": stream}
    wait_until(lambda: running(chat_url) == 0)
    with httpx.Client(timeout=httpx.Timeout(30, read=None if stream else 2)) as client:
        if stream:
            with client.stream("POST", chat_url + CHAT, json=body) as answer:
                pieces = answer.iter_raw()  # held: an iterator that is dropped closes the connection
                next(pieces)
                wait_until(lambda: running(chat_url) == 1)
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post(chat_url + CHAT, json=body)
    wait_until(lambda: running(chat_url) == 0)


def test_requests_share_an_id_without_harm(chat_url: str) -> None:
    headers = {"x-request-id": "one-for-all", "x-ms-client-request-id": "mine/../../etc"}
    answers = [
        httpx.post(chat_url + CHAT, json={"model": "", "messages": HI, "max_tokens": 1}, headers=headers, timeout=30)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.headers["x-request-id"] for answer in answers} == {"one-for-all"}
    assert {answer.headers["x-ms-client-request-id"] for answer in answers} == {"mineetc"}


def test_access_log_tells_what_happened_and_no_prompt(chat_server: Any, chat_url: str, chat_model: str) -> None:
    body = {"model": "", "messages": [{"role": "user", "content": "my-secret-prompt"}], "max_tokens": 2}
    headers = {"x-request-id": "look-for-me", "authorization": "Bearer my-secret-key"}
    httpx.post(chat_url + CHAT, json=body, headers=headers, timeout=30)
    wait_until(lambda: any("look-for-me" in line for line in chat_server.lines))
    line = json.loads(next(line for line in chat_server.lines if "look-for-me" in line))
    assert (line["route"], line["status"], line["model"]) == (f"POST {CHAT}", 200, chat_model)
    assert line["completion_tokens"] == 2
    assert line["prompt_tokens"] > 5
    assert "my-secret" not in chat_server.output


def test_line_break_in_an_id_is_not_echoed(chat_url: str) -> None:
    answer = httpx.get(f"{chat_url}/v1/models", headers={"x-request-id": "a b<c>"})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
