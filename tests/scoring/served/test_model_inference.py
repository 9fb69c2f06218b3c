"""The Azure AI Model Inference API: its own client, both official documents, every refusal in its shape."""

import json
from typing import Any

import httpx
import pytest

from tests.scoring.bodies import PARAMETERS, SHORT

VERSIONS = ("2024-05-01-preview", "2025-04-01")


@pytest.fixture(scope="session")
def official_documents(documents: Any) -> dict[str, Any]:
    """A checker of responses for each api-version."""
    return dict(documents.azure)


def ask(url: str, body: Any, version: str | None = "2025-04-01", **headers: str) -> httpx.Response:
    """Post to /chat/completions; header names take `_` for `-`."""
    return httpx.post(
        f"{url}/chat/completions",
        params={"api-version": version} if version else {},
        content=body if isinstance(body, bytes) else json.dumps(body),
        headers={"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        timeout=60,
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(SHORT, id="short"),
        pytest.param({**SHORT, "tools": [{"type": "function", "function": {"name": "f", "parameters": PARAMETERS}}],
                      "tool_choice": "required", "max_tokens": 60, "temperature": 0}, id="tools"),
        pytest.param({**SHORT, "response_format": {"type": "json_object"}, "max_tokens": 8}, id="json-object"),
    ],
)  # fmt: skip
def test_answer_is_valid_by_the_official_document(
    chat_url: str, official_documents: dict[str, Any], version: str, body: dict[str, Any]
) -> None:
    answer = ask(chat_url, body, version)
    assert answer.status_code == 200, answer.text
    assert official_documents[version].check_response("post", "/chat/completions", 200, answer.json()) == []
    assert None not in answer.json().values()


@pytest.mark.parametrize("version", VERSIONS)
def test_info_is_valid_by_the_official_document(
    chat_url: str, official_documents: dict[str, Any], version: str
) -> None:
    answer = httpx.get(f"{chat_url}/info", params={"api-version": version})
    assert official_documents[version].check_response("get", "/info", 200, answer.json()) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_stream_is_data_lines_valid_by_the_official_document(
    chat_url: str, official_documents: dict[str, Any], version: str
) -> None:
    text = ask(chat_url, {**SHORT, "stream": True, "max_tokens": 4}, version, accept="application/json").content
    assert b"\r" not in text
    lines = text.decode().split("\n")
    assert all(line == "" or line.startswith("data: ") for line in lines)
    events = [line[len("data: ") :] for line in lines if line]
    assert events.pop() == "[DONE]"
    document = official_documents[version]
    validator = document.validator({"$ref": "#/definitions/StreamingChatCompletionsUpdate"})
    assert [error.message for event in events for error in validator.iter_errors(json.loads(event))] == []
    assert len(events) > 2


def test_mistake_found_in_a_stream_is_the_clients(chat_url: str) -> None:
    body = {**SHORT, "stream": True, "structured_outputs": {"regex": "("}}
    text = ask(chat_url, body, extra_parameters="pass-through").text
    update, end = [line[len("data: ") :] for line in text.splitlines() if line][-2:]
    assert (json.loads(update)["error"]["code"], end) == ("UnprocessableContent", "[DONE]")


ACCEPTED = [
    pytest.param({"temperature": 1.5}, id="temperature-above-one"),
    pytest.param({"top_p": 0}, id="top-p-zero"),
    pytest.param({"stop": "x"}, id="stop-is-text"),
    pytest.param({"stop": ["x", "y"]}, id="stop-is-a-list"),
    pytest.param({"stop": None}, id="stop-is-null"),
    pytest.param({"max_tokens": 1, "seed": 42}, id="seed"),
    pytest.param({"frequency_penalty": -2, "presence_penalty": 2}, id="penalties-at-their-ends"),
    pytest.param({"model": "whatever"}, id="model-is-ignored"),
    pytest.param({"modalities": ["text"]}, id="modalities-text"),
    pytest.param({"tool_choice": "none"}, id="tool-choice-without-tools"),
    pytest.param({"tools": None, "response_format": None, "temperature": None}, id="nulls"),
    pytest.param({"response_format": {"type": "text"}}, id="response-format-text"),
    pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, id="content-parts"),
    pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "content": "Hi"}]}]}, id="other-parts"),
    pytest.param({"messages": [{"role": "developer", "content": "x"}, SHORT["messages"][0]]}, id="developer"),
    pytest.param(
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "reasoning_content": "z"},
                      {"role": "user", "content": "w"}]}, id="reasoning-content-in-a-message"),
]  # fmt: skip


@pytest.mark.parametrize("fields", ACCEPTED)
def test_accepted(chat_url: str, fields: dict[str, Any]) -> None:
    answer = ask(chat_url, {**SHORT, **fields}, azureml_model_deployment="blue")
    assert answer.status_code == 200, answer.text


REFUSED = [
    pytest.param({"messages": None}, "messages", id="messages-null"),
    pytest.param({"messages": []}, "messages", id="messages-empty"),
    pytest.param({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", id="unknown-role"),
    pytest.param({"messages": [{"role": "user"}]}, "messages.0.content", id="user-without-content"),
    pytest.param({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id", id="tool-without-id"),
    pytest.param(
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0.type", id="part"
    ),
    pytest.param({"messages": ["x"]}, "messages.0", id="message-is-text"),
    pytest.param({"temperature": -1}, "temperature", id="negative-temperature"),
    pytest.param({"temperature": "hot"}, "temperature", id="temperature-is-text"),
    pytest.param({"top_p": 1.1}, "top_p", id="top-p-above-one"),
    pytest.param({"frequency_penalty": 2.5}, "frequency_penalty", id="penalty-too-high"),
    pytest.param({"max_tokens": -5}, "max_tokens", id="max-tokens-negative"),
    pytest.param({"max_tokens": 1.5}, "max_tokens", id="max-tokens-not-whole"),
    pytest.param({"max_tokens": 100000}, "max_tokens", id="max-tokens-over-context"),
    pytest.param({"stop": 3}, "stop", id="stop-is-a-number"),
    pytest.param({"stop": ""}, "stop", id="stop-is-empty"),
    pytest.param({"seed": 2**70}, "seed", id="seed-beyond-64-bits"),
    pytest.param({"messages": [{"role": "user", "content": None}]}, "messages.0.content", id="user-says-null"),
    pytest.param(
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "integer", "minimum": -1e31, "maximum": -1e30}},
            }
        },
        "response_format.json_schema.schema.maximum",
        id="bound-beyond-64-bits",
    ),
    pytest.param({"stream": "yes"}, "stream", id="stream-is-text"),
    pytest.param({"response_format": {"type": "xml"}}, "response_format.type", id="response-format"),
    pytest.param({"response_format": {"type": "json_schema"}}, "response_format.json_schema", id="schema-missing"),
    pytest.param({"tool_choice": "perhaps"}, "tool_choice", id="tool-choice"),
    pytest.param({"tools": [{"type": "function"}]}, "tools.0.function", id="tool-without-function"),
    pytest.param({"modalities": ["audio"]}, "modalities", id="modalities-audio"),
    pytest.param({"modalities": ["smell"]}, "modalities.0", id="modalities-unknown"),
]


@pytest.mark.parametrize(("fields", "where"), REFUSED)
def test_refused_with_location_and_value(
    chat_url: str, official_documents: dict[str, Any], fields: dict[str, Any], where: str
) -> None:
    answer = ask(chat_url, {**SHORT, **fields})
    body = answer.json()
    assert answer.status_code == 422, answer.text
    assert body["error"]["target"] == where
    assert body["detail"]["loc"] == ["body", *where.split(".")]
    assert isinstance(body["detail"]["value"], str)
    assert (body["status"], body["message"]) == (422, body["error"]["message"])
    assert answer.headers["x-ms-error-code"] == body["error"]["code"] == body["code"]
    assert official_documents["2025-04-01"].check_response("post", "/chat/completions", 422, body) == []


@pytest.mark.parametrize(
    ("version", "code"),
    [
        pytest.param(None, "MissingApiVersion", id="missing"),
        pytest.param("", "UnsupportedApiVersion", id="empty"),
        pytest.param("2023-01-01", "UnsupportedApiVersion", id="unknown"),
    ],
)
def test_api_version_is_required(chat_url: str, version: str | None, code: str) -> None:
    query = {} if version is None else {"api-version": version}
    for answer in (
        httpx.post(f"{chat_url}/chat/completions", params=query, json=SHORT),
        httpx.get(f"{chat_url}/info", params=query),
    ):
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, code)
        assert all(version in answer.json()["error"]["message"] for version in VERSIONS)


@pytest.mark.parametrize("version", ["2024-04-01-preview", *VERSIONS])
def test_api_version_is_served(chat_url: str, version: str) -> None:
    assert ask(chat_url, SHORT, version).status_code == 200


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        pytest.param(None, 400, id="error-is-the-default"),
        pytest.param("error", 400, id="error"),
        pytest.param("ERROR", 400, id="any-case"),
        pytest.param("drop", 200, id="drop"),
        pytest.param("Ignore", 200, id="ignore-is-drop"),
        pytest.param("pass-through", 200, id="pass-through"),
        pytest.param("allow", 200, id="allow-is-pass-through"),
        pytest.param("maybe", 400, id="unknown-mode"),
    ],
)
def test_extra_parameters(chat_url: str, mode: str | None, status: int) -> None:
    headers = {"extra_parameters": mode} if mode else {}
    answer = ask(chat_url, {**SHORT, "min_tokens": 1, "logit_biased": {}}, **headers)
    assert answer.status_code == status, answer.text
    if status == 400 and mode != "maybe":
        details = answer.json()["error"]["details"]
        assert [detail["target"] for detail in details] == ["min_tokens", "logit_biased"]
        assert "['min_tokens', 'logit_biased']" in answer.json()["error"]["message"]


def test_pass_through_reaches_the_model_and_drop_does_not(chat_url: str) -> None:
    body = {**SHORT, "logprobs": True}
    assert "logprobs" in ask(chat_url, body, extra_parameters="pass-through").json()["choices"][0]
    assert "logprobs" not in ask(chat_url, body, extra_parameters="drop").json()["choices"][0]


@pytest.mark.parametrize("body", [pytest.param(b"{", id="broken"), pytest.param(b"[]", id="list")])
def test_broken_body(chat_url: str, body: bytes) -> None:
    answer = ask(chat_url, body)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "BadRequest")


def test_the_other_surface_is_not_bent(chat_url: str) -> None:
    answer = httpx.post(f"{chat_url}/v1/chat/completions", json={"model": "", **SHORT, "nonsense": 1}, timeout=60)
    assert answer.status_code == 200
    assert "reasoning_content" not in answer.json()["choices"][0]["message"]
    assert "refusal" in answer.json()["choices"][0]["message"]
