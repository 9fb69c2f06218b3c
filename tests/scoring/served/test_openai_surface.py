"""What the official OpenAI client gets from a running server."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.scoring.bodies import WEATHER
from tests.scoring.responses.checking import read_events

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def test_stream_comes_in_pieces_and_ends_with_usage(openai_client: OpenAI, chat_model: str) -> None:
    chunks = list(
        openai_client.chat.completions.create(
            model=chat_model, messages=QUESTION, temperature=0, max_tokens=20, stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert "Paris" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(chunks) > 4
    assert chunks[-1].usage.completion_tokens > 0


def test_tool_by_name(openai_client: OpenAI, chat_model: str) -> None:
    answer = openai_client.chat.completions.create(
        model=chat_model, messages=[{"role": "user", "content": "What is the weather in Paris?"}], temperature=0,
        max_tokens=60, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )  # fmt: skip
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert list(json.loads(call.function.arguments)) == ["city"]


def test_streamed_responses(openai_client: OpenAI, chat_model: str) -> None:
    events = list(
        openai_client.responses.create(
            model=chat_model, input="What is the capital of France?", temperature=0, max_output_tokens=20, stream=True
        )
    )
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
    assert "Paris" in "".join(event.delta for event in events if event.type == "response.output_text.delta")


def test_refusal_of_an_earlier_answer_is_read(chat_url: str) -> None:
    refusal = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
               "content": [{"type": "refusal", "refusal": "I will not."}]}  # fmt: skip
    body = {"model": "", "input": [refusal, {"role": "user", "content": "Why?"}], "max_output_tokens": 2}
    assert httpx.post(f"{chat_url}/v1/responses", json=body, timeout=60).status_code == 200


def test_completions(openai_client: OpenAI, chat_model: str) -> None:
    answer = openai_client.completions.create(
        model=chat_model, prompt="The capital of France is", temperature=0, max_tokens=5
    )
    assert "Paris" in answer.choices[0].text


def test_another_model_is_not_found(openai_client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist") as caught:
        openai_client.chat.completions.create(model="somebody/else", messages=QUESTION)
    assert caught.value.param == "model"


MODELS = [
    pytest.param({"model": ""}, id="empty"),
    pytest.param({"model": "  "}, id="blank"),
    pytest.param({"model": None}, id="null"),
    pytest.param({"model": "HuggingFaceTB/SmolLM2-135M-Instruct"}, id="named"),
]
BODIES = {
    "/": {"messages": QUESTION, "max_tokens": 1},
    "/score": {"messages": QUESTION, "max_tokens": 1},
    "/v1/chat/completions": {"messages": QUESTION, "max_tokens": 1},
    "/v1/responses": {"input": "Hi", "max_output_tokens": 1},
    "/v1/completions": {"prompt": "Hi", "max_tokens": 1},
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", BODIES)
def test_model_may_be_left_blank(chat_url: str, chat_model: str, path: str, model: dict[str, str]) -> None:
    answer = httpx.post(chat_url + path, json=BODIES[path] | model, timeout=60)
    assert (answer.status_code, answer.json()["model"]) == (200, chat_model)


@pytest.mark.parametrize("path", BODIES)
def test_model_is_there_where_openais_document_wants_it(chat_url: str, path: str) -> None:
    answer = httpx.post(chat_url + path, json=BODIES[path], timeout=60)
    if path not in ("/v1/chat/completions", "/v1/responses"):
        assert answer.status_code == 200
        return
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, 400, "model")


@pytest.mark.parametrize("more", [pytest.param({}, id="plain"), pytest.param({"tools": [WEATHER]}, id="tools")])
@pytest.mark.parametrize("member", ["name", "tool_calls", "refusal", "audio", "function_call", "reasoning_content"])
def test_a_member_of_a_message_may_be_null(chat_url: str, member: str, more: dict[str, Any]) -> None:
    messages = [QUESTION[0], {"role": "assistant", "content": "Paris.", member: None}, {**QUESTION[0], member: None}]
    body = {"model": "", "messages": messages, "max_tokens": 1, **more}
    assert httpx.post(f"{chat_url}/v1/chat/completions", json=body, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b"", 400, "not valid JSON", id="empty"),
        pytest.param(b"{", 400, "not valid JSON", id="broken"),
        pytest.param(b'{"messages": "\xff"}', 400, "not valid JSON", id="not-utf-8"),
        pytest.param(b"[" * 5000, 422, "nested deeper", id="deep"),
        pytest.param(b"[]", 400, "must be a JSON object", id="not-an-object"),
        pytest.param(b"{}", 400, "model must be given", id="no-model"),
        pytest.param(b'{"model": ""}', 400, "messages", id="no-messages"),
        pytest.param(
            b'{"model": "", "messages": [{"role": "user", "content": "a"}], "n": 0}', 400, "n must be", id="n-zero"
        ),
    ],
)
def test_bad_body_is_an_openai_error(chat_url: str, body: bytes, status: int, words: str) -> None:
    answer = httpx.post(f"{chat_url}/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, status)
    assert words in error["message"]
    assert {"message", "type", "param", "code"} == set(error)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "wrong", "where", "message"),
    [
        pytest.param("/v1/chat/completions", {"messages": 5}, "messages", "must be an array: 5.", id="messages"),
        pytest.param(
            "/v1/chat/completions",
            {"messages": [*QUESTION, {"role": "assistant", "tool_calls": 5}]},
            "messages.1.tool_calls",
            "must be an array or null: 5.",
            id="tool-calls",
        ),
        pytest.param(
            "/v1/chat/completions",
            {"structured_outputs": True},
            "structured_outputs",
            "must be an object or null: true.",
            id="structured-outputs",
        ),
        pytest.param(
            "/v1/chat/completions",
            {"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": ["f"]},
            "tools.0",
            'must be an object: "f".',
            id="tools",
        ),
        pytest.param(
            "/v1/completions",
            {"structured_outputs": ["json"]},
            "structured_outputs",
            'must be an object or null: ["json"].',
            id="structured-outputs-of-completions",
        ),
    ],
)
def test_wrong_type_is_told_with_its_place(
    chat_url: str, path: str, wrong: dict[str, object], where: str, message: str, stream: bool
) -> None:
    answer = httpx.post(chat_url + path, json={"model": "", **BODIES[path], **wrong, "stream": stream}, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, 400, where)
    assert error["message"] == f"{where} {message}"


def test_what_is_missing_is_no_fault_of_the_server(chat_url: str) -> None:
    body = {"model": "", "messages": QUESTION, "tools": [{"type": "function"}]}
    body["tool_choice"] = {"type": "function", "function": {"name": "f"}}
    answer = httpx.post(f"{chat_url}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The body cannot be read:")


BAD_STREAMS = [
    pytest.param({"structured_outputs": {"regex": "("}}, id="regex"),
    pytest.param({"structured_outputs": {"json": "x"}}, id="json"),
    pytest.param({"stop_token_ids": [-5]}, id="stop-token"),
]


@pytest.mark.parametrize("wrong", BAD_STREAMS)
def test_mistake_that_only_the_engine_finds_is_the_clients(chat_url: str, wrong: dict[str, object]) -> None:
    body = {"model": "", "input": "Hi", "max_output_tokens": 2, **wrong}
    whole = httpx.post(f"{chat_url}/v1/responses", json=body, timeout=60)
    assert (whole.status_code, whole.json()["error"]["code"]) == (400, 400)
    stream = httpx.post(f"{chat_url}/v1/responses", json={**body, "stream": True}, timeout=60)
    assert stream.status_code == 200
    last = read_events(stream.content)[-1]
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "invalid_prompt")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_transfer_parameters_are_an_object(chat_url: str, path: str, stream: bool) -> None:
    body = {"model": "", **BODIES[path], "vllm_xargs": {"kv_transfer_params": 5}, "stream": stream}
    answer = httpx.post(chat_url + path, json=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "vllm_xargs.kv_transfer_params")


def conversation(turns: int) -> list[dict[str, object]]:
    """Items of every kind that a client sends back."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    said = {"type": "output_text", "text": "Hello", "annotations": []}
    return turns * [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        call,
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"type": "message", "role": "assistant", "id": "m", "status": "completed", "content": [said]},
        {"type": "message", "role": "assistant", "id": "r", "status": "completed",
         "content": [{"type": "refusal", "refusal": "No"}]},
    ]  # fmt: skip


def test_long_input_is_read(chat_url: str) -> None:
    body = {"model": "", "input": conversation(12), "max_output_tokens": 2}
    answer = httpx.post(f"{chat_url}/v1/responses", json=body, timeout=60)
    assert answer.status_code == 200, answer.text


def test_long_input_is_refused_at_the_first_item_that_cannot_be_read(chat_url: str) -> None:
    body = {"model": "", "input": [*conversation(20), *8000 * [{}]]}
    answer = httpx.post(f"{chat_url}/v1/responses", json=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input.120")
