"""Two servers on one model, one with the fast paths and one without: the same greedy requests, the same answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

PIECE = re.compile(
    r'(data: .*"delta":\{"content":)("(?:[^"\\]|\\.)*")(\},"logprobs":null,"finish_reason":null.*)', re.DOTALL
)
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def plain_url(scoring_processes: ModuleType, smollm2_weights: Path, chat_model: str) -> Iterator[str]:
    """The base URL of a server like `chat_url`'s that does all with vLLM's own code."""
    with scoring_processes.scoring_server(
        str(smollm2_weights),
        "--served-model-name", chat_model,
        "--max-model-len", "2048",
        "--max-num-seqs", "8",
        "--enable-auto-tool-choice",
        "--tool-call-parser", "hermes",
        SCORING_FAST_STREAM="0",
        SCORING_SHORT_WAY="0",
    ) as server:  # fmt: skip
        server.wait_until_ready()
        yield server.base_url


def events(url: str, body: dict[str, Any]) -> list[str]:
    """Stream one request; pieces of text that follow one another are one event, as the engine's pace splits them."""
    asked = {"temperature": 0, "stream": True, "max_tokens": 40, **body}
    answer = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=120)
    text = re.sub(r'"created":\d+', '"created":0', answer.text)
    text = re.sub(r"(chatcmpl|chatcmpl-tool)-[0-9a-f-]{16,}", r"\1-x", text)
    found: list[str] = []
    piece = ""
    for event in text.split("\n\n"):
        said = PIECE.fullmatch(event)
        if said and found and found[-1].startswith(said[1]) and found[-1].endswith(said[3]) and piece:
            piece = json.dumps(json.loads(piece) + json.loads(said[2]))
            found[-1] = said[1] + piece + said[3]
        else:
            piece = said[2] if said else ""
            found.append(event)
    return [str(answer.status_code), *found]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": [{"role": "user", "content": "Who wrote Hamlet?"}]}, id="text"),
        pytest.param({"messages": [{"role": "user", "content": "Answer with three emoji only 🦊"}]}, id="emoji"),
        pytest.param(
            {"messages": [{"role": "user", "content": "Count to ten."}], "stop": ["4", "four"]}, id="stop-string"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": True}}, id="usage"
        ),
        pytest.param(
            {
                "messages": [{"role": "user", "content": "Weather in Zagreb?"}],
                "tools": [WEATHER],
                "tool_choice": "required",
            },
            id="required-tool",
        ),
        pytest.param({"messages": [{"role": "user", "content": "Weather?"}], "tools": [WEATHER]}, id="tools-offered"),
        pytest.param({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}, id="one-token"),
        pytest.param({"messages": [{"role": "user", "content": "word " * 3000}]}, id="refused"),
    ],
)
def test_the_same_request_gets_the_same_events(chat_url: str, plain_url: str, body: dict[str, Any]) -> None:
    assert events(chat_url, body) == events(plain_url, body)


def whole(url: str, body: Any, **headers: str) -> tuple[int, str | None, str]:
    """Ask without streaming; ids and times are left out of what comes back."""
    sent = body if isinstance(body, str) else json.dumps({"temperature": 0, "max_tokens": 20, **body})
    headers = {"content-type": "application/json", **headers}
    answer = httpx.post(f"{url}/v1/chat/completions", content=sent, headers=headers, timeout=120)
    text = re.sub(r'"created":\d+', '"created":0', answer.text)
    return (
        answer.status_code,
        answer.headers.get("content-type"),
        re.sub(r"chatcmpl-(tool-)?[0-9a-f-]{16,}", "id", text),
    )


HI = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": HI}, id="text"),
        pytest.param({"messages": HI, "n": 2}, id="two-choices"),
        pytest.param({"messages": HI, "logprobs": True, "top_logprobs": 2}, id="logprobs"),
        pytest.param({"messages": HI, "tools": [WEATHER], "tool_choice": "required"}, id="required-tool"),
        pytest.param({"messages": HI, "unknown": 1}, id="unknown-field"),
        pytest.param({"messages": HI, "model": "nobody"}, id="unknown-model"),
        pytest.param({"messages": HI, "temperature": -1}, id="refused-by-the-model"),
        pytest.param({"messages": [{"role": "user", "content": "word " * 3000}]}, id="refused-by-the-handler"),
        pytest.param({"messages": HI, "max_tokens": 0}, id="refused-by-the-sampling"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "nothing"}]}]}, id="unknown-part"),
        pytest.param({}, id="nothing"),
    ],
)
def test_the_same_request_gets_the_same_answer(chat_url: str, plain_url: str, body: Any) -> None:
    assert whole(chat_url, body) == whole(plain_url, body)


def test_a_browser_gets_the_same_headers(chat_url: str, plain_url: str) -> None:
    names = []
    for url in (chat_url, plain_url):
        body = {"messages": HI, "max_tokens": 1}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers={"origin": "https://x"}, timeout=60)
        names.append((answer.status_code, sorted(answer.headers)))
    assert names[0] == names[1]


def test_requests_of_the_short_way_are_counted(chat_url: str) -> None:
    def counted() -> float:
        lines = httpx.get(f"{chat_url}/metrics").text.splitlines()
        wanted = 'http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"}'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))

    before = counted()
    assert whole(chat_url, {"messages": HI, "max_tokens": 1})[0] == 200
    assert counted() == before + 1
