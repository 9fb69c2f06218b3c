"""What was said in a conversation, a line for each item: who, and what.

`user: Hi`, `call say {"text": "hi"}`, `output: 22`, `assistant: …`, `reasoning: …`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.scoring.served.agents.stage import Turn

ARGUMENTS = ("arguments", "input", "action", "operation")


def called(name: str, /, **arguments: Any) -> str:
    """Return what the model writes to call a function."""
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def lines(items: str | Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of `input` or `output`."""
    return [f"user: {items}"] if isinstance(items, str) else [_line(item) for item in items]


def exchanged(turns: Sequence[Turn]) -> list[tuple[list[str], list[str]]]:
    """Return, turn by turn, what the agent sent and what came back."""
    return [(lines(turn.request["input"]), lines(turn.answer["output"])) for turn in turns]


def prompt_tokens(url: str, model: str, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = ()) -> int:
    """Return how many tokens this conversation is as a chat: what reached the model is what makes them."""
    body = {"model": model, "messages": messages, "max_tokens": 1, **({"tools": tools} if tools else {})}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["usage"]["prompt_tokens"])


def input_tokens(turns: Sequence[Turn]) -> list[int]:
    """Return how many tokens reached the model, turn by turn."""
    return [turn.answer["usage"]["input_tokens"] for turn in turns]


def _line(item: Mapping[str, Any]) -> str:
    kind = item.get("type") or "message"
    if kind == "message":
        return f"{item['role']}: {_text(item['content'])}"
    if kind.endswith("_output"):
        return f"output: {_text(item['output'])}"
    if kind == "reasoning":
        return f"reasoning: {_text(item.get('content') or [])}"
    given = next(item[name] for name in ARGUMENTS if name in item)
    name = ".".join(part for part in (item.get("namespace"), item.get("name", kind)) if part)
    return f"call {name} {_written(given)}"


def _written(arguments: Any) -> str:
    """Return arguments as text; where they are JSON, as Python writes it: some clients write them anew."""
    try:
        return json.dumps(json.loads(arguments) if isinstance(arguments, str) else arguments)
    except ValueError:
        return str(arguments)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)
