"""Conversations of an agent and a model: what each says turn by turn; the same for the same seed."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

TEXTS = ("Hi.", "What is it?", "Ünïcödé 🙂", "a < b", "Line one\nline two", "")
ANSWERS = ("Hello.", "It is 22.", "Ja 🙂", "a < b", "One\ntwo")
OUTPUTS = ("22", "", '{"degrees": 22}', "Zeile\nzwei", "error: no such city")
PLACES = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": "weather", "parameters": PLACES},
    {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}},
    {"type": "custom", "name": "note"},
    {"type": "namespace", "name": "desk", "tools": [{"type": "function", "name": "ring", "parameters": PLACES}]},
    {"type": "local_shell"},
]
# What the model calls, the type of the item that it becomes, and the type of the item that its output is.
CALLS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("weather", {"city": "Paris"}, "function_call"),
    ("weather", {"city": "Ö 🙂"}, "function_call"),
    ("now", {}, "function_call"),
    ("note", {"input": "a\nb"}, "custom_tool_call"),
    ("desk__ring", {"city": "Rome"}, "function_call"),
    ("local_shell", {"command": ["ls", "-l"]}, "local_shell_call"),
)


@dataclass
class Turn:
    """One request and what the model says to it; `outputs` answer the calls of the turn before."""

    outputs: list[str] = field(default_factory=list)
    backwards: bool = False  # the outputs come in another order than the calls
    items: list[dict[str, Any]] = field(default_factory=list)
    instructions: str | None = None
    text: str = ""
    calls: tuple[tuple[str, dict[str, Any], str], ...] = ()

    @property
    def said(self) -> str:
        """What the model writes."""
        calls = (json.dumps({"name": name, "arguments": given}, ensure_ascii=False) for name, given, _ in self.calls)
        return "\n".join((*filter(None, [self.text]), *(f"<tool_call>\n{call}\n</tool_call>" for call in calls)))


def conversation(draw: Random) -> list[Turn]:
    """Return two or three turns; the first may bring a history of its own."""
    turns: list[Turn] = []
    for number in range(draw.choice((2, 2, 3))):
        before = turns[-1].calls if turns else ()
        turn = Turn([draw.choice(OUTPUTS) for _ in before], backwards=draw.random() < 0.3)
        turn.instructions = draw.choice((None, "Be brief.", "You help.\nAlways."))
        turn.items = [*(_history(draw) if number == 0 else []), *_asked(draw, after_calls=bool(before))]
        turn.text = draw.choice(ANSWERS)
        if draw.random() < 0.6:
            turn.calls = tuple(draw.choice(CALLS) for _ in range(draw.choice((1, 1, 2))))
            turn.text = draw.choice(("", turn.text))
        turns.append(turn)
    return turns


def _asked(draw: Random, *, after_calls: bool) -> list[dict[str, Any]]:
    if after_calls and draw.random() < 0.7:
        return []
    text = draw.choice(TEXTS)
    parts = [{"type": "input_text", "text": text}, {"type": "input_text", "text": "And this."}]
    asked = {"role": "user", "content": draw.choice((text, parts[:1], parts))}
    noted = {"type": "message", "role": draw.choice(("system", "developer")), "content": "Mind the gap."}
    return [noted, asked] if draw.random() < 0.2 else [asked]


def _history(draw: Random) -> list[dict[str, Any]]:
    """Return what an agent brings along: messages, reasoning and calls that another server has made."""
    if draw.random() < 0.5:
        return []
    spoken = draw.choice(ANSWERS)
    parts = [{"type": "output_text", "text": spoken, "annotations": []}, {"type": "output_text", "text": "More."}]
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    call = {"type": "function_call", "call_id": "call_a", "name": "weather", "arguments": '{"city": "Oslo"}'}
    output = {"type": "function_call_output", "call_id": "call_a", "output": draw.choice(OUTPUTS)}
    answer = {"role": "assistant", "content": draw.choice((spoken, parts[:1], parts))}
    return [
        {"role": "user", "content": "Before."}, *draw.choice(([], [thought])),
        *draw.choice(([answer], [call, output, answer], [call, output])),
    ]  # fmt: skip
