"""Generated conversations on the real server: the same reaches the model however an agent carries it on.

By `previous_response_id`, by `conversation`, sent again with the items as they came, sent again with as little as
clients keep of them, and as a chat: each turn has the same number of tokens, and the same answer.
The same conversations in each run; GATELIFT_GENERATED says how many.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from tests.scoring.served.generated.asking import AT_ONCE, CONVERSATIONS, Server, check
from tests.scoring.served.generated.conversations import CALLS, TOOLS, Turn, conversation

CALLED = ("function_call", "custom_tool_call", "local_shell_call")
TYPES = {name: kind for name, _, kind in CALLS}
CHAT_TOOLS = [{"type": "function", "function": {"name": name}} for name in TYPES]
Said = tuple[int, Any]  # tokens that reached the model, and what it said
Carry = Callable[[Server, dict[str, Any], list[dict[str, Any]], list[Any]], dict[str, Any]]


def test_generated_conversations_are_the_same_however_they_are_sent(scripted: Server, told: list[str]) -> None:
    def tried(number: int) -> int:
        turns = conversation(Random(number))
        wanted = as_chat(scripted, turns)
        for way in (by_response, by_conversation, again, again_sloppily):
            assert spoken(scripted, turns, way) == wanted, (number, way.__name__, turns)
        return len(turns)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        counts = list(pool.map(tried, range(CONVERSATIONS)))
    told.append(f"generated conversations: {len(counts)} of {sum(counts)} turns, each carried on in four ways")


def spoken(server: Server, turns: list[Turn], way: Carry) -> list[Said]:
    """Hold a conversation; return what each turn was."""
    state: dict[str, Any] = {}
    answers: list[Any] = []
    said = []
    history: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        new = [*outputs_of(answers[-1]["output"] if answers else [], turn), *turn.items]
        body = way(server, state, new, history) | {"tools": TOOLS, "temperature": 0, "instructions": turn.instructions}
        body |= bounds(turn, last=turn is turns[-1])
        status, answer = check(server, server.ask(body, stream=number % 2 == 1))
        assert status == 200, (body, answer)
        answers.append(answer)
        state["previous"] = answer["id"]
        history += [*new, *answer["output"]]
        said.append((answer["usage"]["input_tokens"], heard(answer["output"])))
    return said


def bounds(turn: Turn, *, last: bool) -> dict[str, Any]:
    """Return what makes the model say what the turn wants; at the end it has the word itself."""
    return {"max_output_tokens": 6} if last else {"structured_outputs": {"choice": [turn.said]}}


def outputs_of(output: list[dict[str, Any]], turn: Turn) -> list[dict[str, Any]]:
    """Return the outputs of the calls of an answer."""
    calls = [item for item in output if item["type"] in CALLED]
    made = []
    for call, text in zip(calls, turn.outputs, strict=True):
        referred = {"id": call["call_id"]} if call["type"] == "local_shell_call" else {"call_id": call["call_id"]}
        made.append({"type": f"{call['type']}_output", **referred, "output": text})
    return made[::-1] if turn.backwards else made


def by_response(_: Server, state: dict[str, Any], new: list[dict[str, Any]], history: list[Any]) -> dict[str, Any]:
    return {"input": new, "previous_response_id": state.get("previous")}


def by_conversation(server: Server, state: dict[str, Any], new: list[Any], history: list[Any]) -> dict[str, Any]:
    if "conversation" not in state:
        state["conversation"] = server.client.post("/v1/conversations", json={}).json()["id"]
    return {"input": new, "conversation": state["conversation"]}


def again(_: Server, state: dict[str, Any], new: list[dict[str, Any]], history: list[Any]) -> dict[str, Any]:
    return {"input": [*history, *new], "store": False}


def again_sloppily(_: Server, state: dict[str, Any], new: list[Any], history: list[Any]) -> dict[str, Any]:
    return {"input": [sloppy(item) for item in (*history, *new)], "store": False}


def sloppy(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item with no more than a client keeps that builds its own."""
    kept = {name: value for name, value in item.items() if name not in ("id", "status") and value is not None}
    if kept.get("type", "message") != "message":
        return {**kept, "id": item["id"]} if "id" in item and kept["type"].startswith("local_shell") else kept
    kept.pop("type", None)
    parts = kept["content"]
    return {**kept, "content": parts[0]["text"]} if len(parts) == 1 and isinstance(parts, list) else kept


def heard(output: list[dict[str, Any]]) -> list[Any]:
    """Return what was said and called, in the words of a chat."""
    texts = [part["text"] for item in output if item["type"] == "message" for part in item["content"]]
    return [*texts, *([item["type"]] for item in output if item["type"] in CALLED)]


def as_chat(server: Server, turns: list[Turn]) -> list[Said]:
    """Hold the same conversation by chat completions."""
    said: list[Said] = []
    told: list[dict[str, Any]] = []
    for turn in turns:
        calls = told[-1].get("tool_calls") or [] if told else []
        told += [
            {"role": "tool", "tool_call_id": call["id"], "content": text}
            for call, text in zip(calls, turn.outputs, strict=True)
        ]
        told += messages_of(turn.items)
        body = {"model": server.model, "messages": with_head(turn.instructions, told), "tools": CHAT_TOOLS}
        limits = bounds(turn, last=turn is turns[-1])
        limits["max_tokens"] = limits.pop("max_output_tokens", None)
        answer = server.client.post("/v1/chat/completions", json={**body, **limits, "temperature": 0})
        assert answer.status_code == 200, (body, answer.text)
        message = answer.json()["choices"][0]["message"]
        called = [TYPES[call["function"]["name"]] for call in message.get("tool_calls") or []]
        content = message.get("content")
        said.append((answer.json()["usage"]["prompt_tokens"], [content] * bool(content) + [[kind] for kind in called]))
        told.append({name: message.get(name) for name in ("role", "content", "tool_calls")})
    return said


def with_head(instructions: str | None, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with one system message before all others, if any."""
    first = next((place for place, message in enumerate(told) if message["role"] != "system"), len(told))
    texts = [*([instructions] if instructions else []), *(message["content"] for message in told[:first])]
    return [*([{"role": "system", "content": "\n\n".join(texts)}] if texts else []), *told[first:]]


def messages_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items that an agent brings along as messages."""
    made: list[dict[str, Any]] = []
    thought: dict[str, Any] = {}
    for item in items:
        kind = item.get("type", "message")
        if kind == "reasoning":
            thought = {"reasoning": item["content"][0]["text"]}
        elif kind == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            calls = [{"id": item["call_id"], "type": "function", "function": function}]
            made.append({"role": "assistant", "content": None, "tool_calls": calls, **thought})
            thought = {}
        elif kind == "function_call_output":
            made.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
        else:
            content = item["content"]
            parts = (
                content if isinstance(content, str) else [{"type": "text", "text": part["text"]} for part in content]
            )
            made.append({"role": item["role"].replace("developer", "system"), "content": parts, **thought})
            thought = {}
    return made
