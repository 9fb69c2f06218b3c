"""What clients send to `/v1/responses` on real engines: nulls, conversations in every form, and what is refused.

The template of the chat server shows calls and reasoning, so that the number of tokens tells whether they arrive.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.scoring.responses.checking import check_events, check_response, read_events

Create = Callable[..., dict[str, Any]]
Refuse = Callable[..., dict[str, Any]]
NULLS = (
    *("background", "truncation", "store", "parallel_tool_calls", "tool_choice", "text", "reasoning", "include"),
    *("metadata", "top_p", "service_tier", "max_tool_calls", "previous_response_id", "instructions"),
    *("tools", "prompt", "user", "stream_options", "top_logprobs", "stream", "conversation"),
)
SAY: dict[str, Any] = {
    "type": "function",
    "name": "say",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
}
CALLED = '<tool_call>\n{"name": "say", "arguments": {"text": "hello"}}\n</tool_call>'
USER = {"role": "user", "content": "Say hello."}
CALL = {"type": "function_call", "call_id": "c", "name": "say", "arguments": "{}"}
REFUSAL = {"type": "refusal", "refusal": "I would rather not say so."}
END = 49153  # </think>
WORDS = "What was said before, in a few words that are easily counted."


def answer(base_url: str, model: str, **members: Any) -> httpx.Response:
    body = {"model": model, "input": "Hi", "temperature": 0, "max_output_tokens": 4, **members}
    return httpx.post(f"{base_url}/v1/responses", json=body, timeout=120)


def creating(base_url: str, model: str) -> Create:
    """Return what creates a response there."""

    def create(**members: Any) -> dict[str, Any]:
        found = answer(base_url, model, **members)
        assert found.status_code == 200, found.text
        whole: dict[str, Any] = found.json()
        check_response(whole)
        return whole

    return create


def text_of(response: dict[str, Any]) -> str:
    """Return all that the model has said: text, reasoning and the arguments of calls."""
    parts = [part for item in response["output"] for part in item.get("content", ())]
    calls = [item["arguments"] for item in response["output"] if "arguments" in item]
    return "".join([part.get("text", "") for part in parts] + calls)


def tokens(response: dict[str, Any]) -> int:
    found: int = response["usage"]["input_tokens"]
    return found


@pytest.fixture(scope="module")
def create(chat_url: str, chat_model: str) -> Create:
    """Create a response with SmolLM2."""
    return creating(chat_url, chat_model)


@pytest.fixture(scope="module")
def think(embedding_server: Any) -> Create:
    """Create a response with the random reasoning model."""
    return creating(embedding_server.base_url, "random")


@pytest.fixture(scope="module")
def refuse(chat_url: str, chat_model: str) -> Refuse:
    """Return the error of a request that is refused with 400, whole and streamed alike."""

    def refuse(**members: Any) -> dict[str, Any]:
        whole = answer(chat_url, chat_model, **members)
        assert whole.status_code == 400, whole.text
        assert answer(chat_url, chat_model, **{"stream": True, **members}).json() == whole.json()
        assert len(whole.text) < 800
        error: dict[str, Any] = whole.json()["error"]
        assert error["type"] == "invalid_request_error"
        return error

    return refuse


def test_null_members_are_as_if_they_were_not_given(chat_url: str, chat_model: str) -> None:
    absent = answer(chat_url, chat_model).json()
    for name in NULLS:
        given = answer(chat_url, chat_model, **{name: None})
        assert given.status_code == 200, (name, given.text)
        document = given.json()
        check_response(document)
        assert {**document, **unlike(absent)} == absent, name
    every = answer(chat_url, chat_model, **{**dict.fromkeys(NULLS), "stream": True})
    check_events(read_events(every.content))


def unlike(response: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from one response to the next."""
    return {name: response[name] for name in ("id", "created_at", "completed_at", "output")}


@pytest.mark.parametrize(
    "question",
    [
        pytest.param({"instructions": "Be brief.", "input": [USER]}, id="instructions"),
        pytest.param({"input": [{"role": "system", "content": "Be brief."}, USER]}, id="system-item"),
        pytest.param({"input": [USER, {"role": "developer", "content": "Be brief."}]}, id="developer-item"),
    ],
)
def test_a_kept_conversation_is_the_same_as_one_that_is_sent_again(create: Create, question: dict[str, Any]) -> None:
    tools: dict[str, Any] = {"tools": [SAY], "tool_choice": "auto"}
    first = create(**question, **tools, structured_outputs={"choice": [CALLED]}, max_output_tokens=60)
    (call,) = first["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "say", '{"text": "hello"}')
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "It was said."}
    again = {name: question[name] for name in ("instructions",) if name in question}
    kept = create(input=[output], previous_response_id=first["id"], **again, **tools)
    sent = create(input=[*question["input"], call, output], **again, **tools)
    bare = {name: call[name] for name in ("type", "call_id", "name", "arguments")}
    stripped = create(input=[*question["input"], bare, {**output, "id": None, "status": None}], **again, **tools)
    assert tokens(kept) == tokens(sent) == tokens(stripped)
    assert text_of(kept) == text_of(sent) == text_of(stripped) != ""
    assert tokens(kept) > tokens(first)


def test_instructions_hold_for_one_response_only(create: Create) -> None:
    first = create(input=[USER], instructions="Be brief. " * 10)
    assert tokens(create(input=[USER], previous_response_id=first["id"])) < tokens(first) + 60


@pytest.mark.parametrize(
    ("items", "like"),
    [
        pytest.param([{"role": "assistant", "content": []}], [{"role": "assistant", "content": ""}], id="no-parts"),
        pytest.param([{"role": "assistant", "content": None}], [{"role": "assistant", "content": ""}], id="null"),
        pytest.param(
            [{"role": "assistant", "content": [REFUSAL]}],
            [{"role": "assistant", "content": REFUSAL["refusal"]}],
            id="refusal",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": word} for word in ("one", "two", "three")],
                }
            ],
            [{"role": "assistant", "content": "one\ntwo\nthree"}],
            id="several-texts",
        ),
        pytest.param(
            [{"type": "message", "id": None, "status": None, "role": "assistant", "content": WORDS}],
            [{"role": "assistant", "content": WORDS}],
            id="null-members",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": WORDS, "annotations": None, "logprobs": None}],
                }
            ],
            [{"role": "assistant", "content": WORDS}],
            id="null-annotations",
        ),
        pytest.param(
            [CALL, {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": WORDS}]}],
            [CALL, {"type": "function_call_output", "call_id": "c", "output": WORDS}],
            id="output-as-parts",
        ),
        pytest.param([{"type": "reasoning", "summary": []}], [], id="reasoning-that-says-nothing"),
        pytest.param(
            [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABforeign=="}],
            [],
            id="reasoning-encrypted-by-others",
        ),
        pytest.param(
            [
                {
                    "type": "web_search_call",
                    "id": "ws_1",
                    "status": "completed",
                    "action": {"type": "search", "query": "a"},
                }
            ],
            [],
            id="a-hosted-tool-of-others",
        ),
    ],
)
def test_items_as_clients_send_them_again(create: Create, items: list[Any], like: list[Any]) -> None:
    found, plain = create(input=[USER, *items, USER]), create(input=[USER, *like, USER])
    assert tokens(found) == tokens(plain)
    assert text_of(found) == text_of(plain)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([{"type": "reasoning", "summary": [{"type": "summary_text", "text": WORDS}]}], id="summary"),
        pytest.param(
            [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": WORDS}]}], id="content"
        ),
        pytest.param([{**CALL, "arguments": f'{{"text": "{WORDS}"}}'}], id="call"),
        pytest.param([{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": WORDS}], id="custom-call"),
        pytest.param(
            [
                {
                    "type": "shell_call",
                    "call_id": "c",
                    "action": {"commands": [f"echo {WORDS}"], "timeout_ms": None, "max_output_length": None},
                }
            ],
            id="shell-call",
        ),
        pytest.param(
            [
                {
                    "type": "mcp_call",
                    "id": "mcp_1",
                    "server_label": "s",
                    "name": "f",
                    "arguments": "{}",
                    "output": WORDS,
                }
            ],
            id="mcp-call",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "output_text", "text": WORDS}]}], id="output-text-of-a-user"
        ),
    ],
)
def test_what_was_said_reaches_the_model(create: Create, items: list[Any]) -> None:
    words = tokens(create(input=[{"role": "user", "content": WORDS}])) - tokens(
        create(input=[{"role": "user", "content": ""}])
    )
    assert tokens(create(input=[USER, *items, USER])) >= tokens(create(input=[USER, USER])) + words


@pytest.mark.parametrize(
    ("members", "place", "words"),
    [
        pytest.param({"temperature": "hot"}, "temperature", '"hot" was given', id="temperature"),
        pytest.param({"max_output_tokens": 0}, "max_output_tokens", "0 was given", id="no-tokens"),
        pytest.param({"top_logprobs": -1}, "top_logprobs", "-1 was given", id="top-logprobs"),
        pytest.param({"stream": 1}, "stream", "1 was given", id="stream"),
        pytest.param({"include": ["a.b"]}, "include.0", '"a.b"; known are', id="include"),
        pytest.param({"input": [{"type": "odd"}]}, "input.0.type", '"odd"', id="type-of-item"),
        pytest.param(
            {"input": [USER, {"type": "function_call_output", "call_id": "x", "output": ""}]},
            "input.1.call_id",
            '"x"',
            id="unknown-call",
        ),
        pytest.param({"max_tokens": 5}, "max_tokens", "send max_output_tokens", id="words-of-chat"),
        pytest.param({"input": "Hi " * 4000}, "input", "maximum context length is 2048", id="too-long"),
        pytest.param(
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input.0.content.0.file_id",
            "no files are kept",
            id="file-id",
        ),
        pytest.param({"top_k": "many"}, "top_k", "integer", id="vllms-own"),
    ],
)
def test_refusals_are_one_line_with_a_place(refuse: Refuse, members: dict[str, Any], place: str, words: str) -> None:
    error = refuse(**members)
    assert error["param"] == place
    assert words in error["message"]
    assert "\n" not in error["message"]


def test_a_client_that_keeps_encrypted_reasoning_only_loses_nothing(think: Create, create: Create) -> None:
    reasons = {"ignore_eos": True, "logit_bias": {str(END): -100}, "max_output_tokens": 24}
    (reasoning,) = think(input=[USER], include=["reasoning.encrypted_content"], **reasons)["output"]
    text = reasoning["content"][0]["text"]
    assert text not in reasoning["encrypted_content"]
    sealed = {name: reasoning[name] for name in ("type", "summary", "encrypted_content")}
    readable = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}
    # Another instance with the same key opens it; its template shows reasoning.
    found, plain, without = (create(input=[USER, *items, USER]) for items in ([sealed], [readable], []))
    assert tokens(found) == tokens(plain) > tokens(without) + 10


def test_log_probabilities_come_where_they_are_included(create: Create) -> None:
    found = create(include=["message.output_text.logprobs"], top_logprobs=2)
    (part,) = found["output"][0]["content"]
    assert [len(token["top_logprobs"]) for token in part["logprobs"]] == [2] * 4
    assert create(top_logprobs=2)["output"][0]["content"][0]["logprobs"] == []
