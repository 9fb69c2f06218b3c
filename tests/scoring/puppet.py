"""A model that says exactly what a test wants: a grammar chooses its answers, beside tools that are not strict."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

SAY = {
    "type": "function",
    "function": {
        "name": "say",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
}
TOOLS = {"tools": [SAY], "tool_choice": "auto"}


@dataclass
class Said:
    """A chat answer, however it came: calls are pairs of name and arguments."""

    content: str | None
    reasoning: str | None
    calls: list[tuple[str, str]]
    finish: str | None


def puppet(text: str, **more: Any) -> dict[str, Any]:
    """Return a chat request that is answered by this text."""
    return {
        "messages": [{"role": "user", "content": "go"}],
        "model": "",
        "structured_outputs": {"choice": [text]},
        "temperature": 0,
        "max_tokens": 200,
        **more,
    }


def said(url: str, body: Mapping[str, Any]) -> Said:
    """Ask whole and as a stream; both must say the same."""
    whole, stream = _whole(url, body), _stream(url, body)
    assert whole == stream
    return whole


def _whole(url: str, body: Mapping[str, Any]) -> Said:
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    choice = answer.json()["choices"][0]
    message = choice["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or []]
    return Said(message["content"] or None, message.get("reasoning") or None, calls, choice["finish_reason"])


def _stream(url: str, body: Mapping[str, Any]) -> Said:
    said = Said(None, None, [], None)
    with httpx.stream("POST", f"{url}/v1/chat/completions", json={**body, "stream": True}, timeout=120) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                _add(said, json.loads(line.removeprefix("data: "))["choices"][0])
    return said


def _add(said: Said, choice: dict[str, Any]) -> None:
    delta = choice["delta"]
    said.content = (said.content or "") + (delta.get("content") or "") or None
    said.reasoning = (said.reasoning or "") + (delta.get("reasoning") or "") or None
    said.finish = choice.get("finish_reason") or said.finish
    for piece in delta.get("tool_calls") or []:
        function = piece["function"]
        if piece["index"] == len(said.calls):
            said.calls.append((function["name"], function.get("arguments") or ""))
        else:
            name, arguments = said.calls[piece["index"]]
            said.calls[piece["index"]] = (name, arguments + function["arguments"])
