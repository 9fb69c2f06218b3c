"""Two servers on one model, one with the fast path and one without: the same greedy requests, the same events."""

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
    """The base URL of a server like `chat_url`'s that streams with vLLM's own code."""
    with scoring_processes.scoring_server(
        str(smollm2_weights),
        "--served-model-name", chat_model,
        "--max-model-len", "2048",
        "--max-num-seqs", "8",
        "--enable-auto-tool-choice",
        "--tool-call-parser", "hermes",
        SCORING_FAST_STREAM="0",
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
