"""Responses requests as clients make them: right ones, and sloppy ones made of them; the same for the same seed."""

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

WORDS = ("Hi.", "The sky is blue.", "Ünïcödé 🙂", "a < b <tool", "1\n2\n\n3", "</think>", " ")
LOOSE = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
FUNCTIONS: tuple[dict[str, Any], ...] = (
    {"type": "function", "name": "say", "parameters": LOOSE},
    {"type": "function", "name": "stop", "description": "Stops.", "parameters": None, "strict": None},
    {"type": "function", "name": "add", "parameters": LOOSE, "strict": False, "defer_loading": True},
)
OTHERS: tuple[dict[str, Any], ...] = (
    {"type": "custom", "name": "note"},
    {"type": "custom", "name": "line", "format": {"type": "text"}},
    {"type": "namespace", "name": "desk", "tools": [{"type": "function", "name": "ring", "parameters": LOOSE}]},
    {"type": "shell", "environment": {"type": "local"}},
    {"type": "local_shell"},
    {"type": "apply_patch"},
)
CHOICES: tuple[Any, ...] = (
    "auto", "none", {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "say"}]},
)  # fmt: skip
CALLED = (
    ("say", {"text": "hi"}), ("stop", {}), ("nobody", {"declared": "it"}), ("note", {"input": "a\nb"}),
    ("desk__ring", {"text": "once"}), ("shell", {"commands": ["ls"]}), ("local_shell", {"command": ["ls"]}),
    ("apply_patch", {"type": "delete_file", "path": "a"}), ("local_shell", {"command": "ls", "timeout_ms": 1.5}),
    ("shell", {"commands": ["\ud83d"], "timeout_ms": float("nan")}), ("apply_patch", {"path": "\udc00", "diff": None}),
)  # fmt: skip
MEMBERS: dict[str, tuple[Any, ...]] = {
    "instructions": ("Be brief.", ""),
    "metadata": ({}, {"topic": "none"}),
    "temperature": (0,),
    "top_p": (1, 0.9),
    "presence_penalty": (0, 0.5),
    "frequency_penalty": (0,),
    "parallel_tool_calls": (True,),
    "truncation": ("disabled", "auto"),
    "top_logprobs": (0, 2),
    "include": ([], ["message.output_text.logprobs"], ["reasoning.encrypted_content", "web_search_call.results"]),
    "reasoning": ({}, {"effort": "low"}, {"summary": "auto"}),
    "text": ({"format": {"type": "text"}}, {"verbosity": "low"}, {}),
    "service_tier": ("auto", "default", "flex"),
    "max_tool_calls": (1, 9),
    "safety_identifier": ("somebody",),
    "prompt_cache_key": ("a",),
    "user": ("somebody",),
    "stream_options": ({}, {"include_obfuscation": False}),
    "client_metadata": ({"a": "b"},),
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", "x", "auto", [], [None], [[]], ["x"], {}, {"type": None},
    {"type": "message"}, {"type": "function"}, {"a": {"b": [1]}}, "\ud83d", "\x00", "x" * 5000,
)  # fmt: skip
ODD_ITEMS: tuple[Any, ...] = (
    {"type": "reasoning", "summary": []}, {"type": "reasoning", "id": None, "encrypted_content": "gAAAA"},
    {"role": "assistant", "content": []}, {"role": "assistant", "content": None}, {"role": "user", "content": ""},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, {"type": "item_reference", "id": "m"},
    {"type": "function_call_output", "call_id": "unknown", "output": "x"}, {"type": "web_search_call", "id": "ws_1"},
    {"type": "compaction", "encrypted_content": "x"}, {"type": "additional_tools", "tools": []}, {"type": "unheard_of"},
    {"role": "tool", "content": "x"}, {"role": "robot", "content": "x"}, {"content": "no role"},
    {"type": {}, "role": "user", "content": "a"}, None, "a text", 7, [],
    {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}, {"role": "user", "content": [None, "x"]},
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
)  # fmt: skip
ODD_TOOLS: tuple[Any, ...] = (
    {"type": "web_search"}, {"type": "web_search_preview"}, {"type": "mcp", "server_label": "x"}, {"type": "computer"},
    {"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "image_generation"}, {"type": "tool_search"},
    {"type": "computer_use_preview"}, {"type": "function"}, {"type": "function", "function": {"name": "say"}},
    {"type": "custom", "name": "x", "format": {"type": "grammar", "syntax": "lark", "definition": "start: "}},
    {"type": "custom", "name": "x", "format": {"type": "grammar", "syntax": "regex", "definition": "["}},
    {"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}, {"type": None}, None, 3,
)  # fmt: skip
ODD_CHOICES: tuple[Any, ...] = (
    "required", {"type": "function", "name": "say"}, {"type": "function", "name": "unknown"}, {"type": "web_search"},
    {"type": "custom", "name": "note"}, {"type": "allowed_tools", "mode": "required", "tools": []}, "any", {},
)  # fmt: skip


def right_request(draw: Random) -> dict[str, Any]:
    """Return a request that is answered; a grammar says what the model says, so that it says the same each time."""
    request: dict[str, Any] = {
        "input": _input(draw),
        "max_output_tokens": draw.choice((1, 40, 150, 150, 150)),
        "temperature": 0,
    }
    for name in draw.sample(sorted(MEMBERS), draw.randint(0, 6)):
        request[name] = copy.deepcopy(draw.choice(MEMBERS[name]))
    said = draw.choice(WORDS[:-1])
    if draw.random() < 0.5:
        request["tools"] = copy.deepcopy(draw.sample((*FUNCTIONS, *OTHERS), draw.randint(1, 4)))
        if FUNCTIONS[0] in request["tools"] and draw.random() < 0.5:
            request["tool_choice"] = copy.deepcopy(draw.choice(CHOICES))
        offered = {tool.get("name", tool["type"]) for tool in request["tools"]}
        likely = [call for call in CALLED if call[0].partition("__")[0] in offered] or CALLED
        said += "".join(_call(*draw.choice(draw.choice((likely, CALLED)))) for _ in range(draw.randint(0, 2)))
    request["structured_outputs"] = {"choice": [said]}
    return request


def sloppy_request(draw: Random) -> dict[str, Any]:
    """Return a request with up to four things in it that a client of OpenAI's would not send, or should not."""
    request = right_request(draw)
    for _ in range(draw.randint(1, 4)):
        draw.choice(SLIPS)(draw, request)
    return request


def _call(name: str, arguments: Any) -> str:
    return f"\n<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def _input(draw: Random) -> Any:
    if draw.random() < 0.3:
        return draw.choice(WORDS)
    items = [item for _ in range(draw.randint(1, 4)) for item in draw.choice(ITEMS)(draw)]
    return [*items, {"role": "user", "content": draw.choice(WORDS)}]


def _message(draw: Random) -> list[dict[str, Any]]:
    role, text = draw.choice(("user", "assistant", "system", "developer")), draw.choice(WORDS)
    kind = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": kind, "text": text}, {"type": kind, "text": "And more."}]
    return [{"type": "message", "role": role, "content": draw.choice((text, parts[:1], parts))}]


def _reasoning(draw: Random) -> list[dict[str, Any]]:
    content = [{"type": "reasoning_text", "text": draw.choice(WORDS)}]
    return [{"type": "reasoning", "id": f"rs_{draw.randint(0, 1 << 40)}", "summary": [], "content": content}]


def _function(draw: Random) -> list[dict[str, Any]]:
    ids = [f"call_{draw.randint(0, 1 << 40)}" for _ in range(draw.randint(1, 2))]
    return [
        *({"type": "function_call", "call_id": id, "name": "say", "arguments": '{"text": "hi"}'} for id in ids),
        *({"type": "function_call_output", "call_id": id, "output": draw.choice(WORDS)} for id in ids),
    ]


def _custom(draw: Random) -> list[dict[str, Any]]:
    id, output = f"call_{draw.randint(0, 1 << 40)}", [{"type": "input_text", "text": "done"}]
    return [
        {"type": "custom_tool_call", "call_id": id, "name": "note", "input": draw.choice(WORDS)},
        {"type": "custom_tool_call_output", "call_id": id, "output": output},
    ]


ITEMS: tuple[Callable[[Random], list[dict[str, Any]]], ...] = (_message, _message, _reasoning, _function, _custom)


def _odd_member(draw: Random, request: dict[str, Any]) -> None:
    request[draw.choice(sorted({*MEMBERS, *request, "tools", "tool_choice", "store"}))] = draw.choice(ODD)


def _null_member(draw: Random, request: dict[str, Any]) -> None:
    request[draw.choice((*sorted(MEMBERS), "tools", "tool_choice", "store", "background", "previous_response_id"))] = (
        None
    )


def _unknown_member(draw: Random, request: dict[str, Any]) -> None:
    request[draw.choice(("messages", "n", "max_tokens", "prompt", "conversation", "extra", "seed_", "top_k"))] = (
        draw.choice(ODD)
    )


def _odd_item(draw: Random, request: dict[str, Any]) -> None:
    items = request.get("input")
    request["input"] = [*(items if isinstance(items, list) else []), copy.deepcopy(draw.choice(ODD_ITEMS))]
    draw.shuffle(request["input"])


def _odd_tool(draw: Random, request: dict[str, Any]) -> None:
    tools = request.get("tools")
    request["tools"] = [*(tools if isinstance(tools, list) else []), copy.deepcopy(draw.choice(ODD_TOOLS))]


def _odd_choice(draw: Random, request: dict[str, Any]) -> None:
    request["tool_choice"] = copy.deepcopy(draw.choice((*CHOICES, *ODD_CHOICES)))


def _within(draw: Random, request: dict[str, Any]) -> None:
    """Lose, null or replace a member somewhere within the input or the tools."""
    places = [place for name in ("input", "tools") for place in _objects(request.get(name))]
    if not places:
        return
    place = draw.choice(places)
    name = draw.choice([*place, "id", "status", "annotations"])
    if draw.random() < 0.4:
        place.pop(name, None)
    else:
        place[name] = draw.choice((None, None, *ODD))


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(found for member in value.values() for found in _objects(member))]
    return [found for member in value for found in _objects(member)] if isinstance(value, list) else []


SLIPS: tuple[Callable[[Random, dict[str, Any]], None], ...] = (
    _odd_member, _null_member, _null_member, _unknown_member, _odd_item, _odd_tool, _odd_choice, _within, _within,
)  # fmt: skip
