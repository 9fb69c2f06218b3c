"""Where a refusal of Azure's surface says the fault lies, over an engine that is not asked."""

import json
from typing import Any

import pytest

from scoring.contracts.model_inference.answers import problem_of_vllm
from scoring.contracts.models import provider
from tests.scoring.resting import VECTOR, ask, reached, served

QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


def parts(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": list(content)}]}


@pytest.mark.parametrize(
    ("fields", "where", "value"),
    [
        pytest.param({"stop": ""}, "stop", "", id="empty-stop"),
        pytest.param({"stop": ["x", ""]}, "stop", "", id="empty-stop-in-a-list"),
        pytest.param(
            parts({"type": "text", "text": "a"}, {"type": "text"}),
            "messages.1.content.1.text",
            "",
            id="part-without-text",
        ),
    ],
)
def test_place_and_value(fields: dict[str, Any], where: str, value: str) -> None:
    document = reached("/chat/completions", {**QUESTION, **fields})
    assert (document["status"], document["error"]["target"]) == (422, where)
    assert document["detail"] == {"loc": ["body", *where.split(".")], "value": value}


def test_assistant_may_say_null() -> None:
    body = {"messages": [*QUESTION["messages"], {"role": "assistant", "content": None}]}
    assert "content" not in reached("/chat/completions", body)["messages"][1]


@pytest.mark.parametrize(
    ("error", "where", "value"),
    [
        pytest.param(
            {"message": "1 error:\n  {'loc': 'body.seed', 'input': '12'}", "param": "body.seed"},
            "seed",
            "12",
            id="body",
        ),
        pytest.param(
            {"message": "too much (parameter=max_tokens, value=99)", "param": "max_tokens"},
            "max_tokens",
            "99",
            id="value",
        ),
        pytest.param({"message": "no", "param": None}, None, "", id="nowhere"),
    ],
)
@pytest.mark.parametrize("status", [400, 501])
def test_place_that_vllm_names(status: int, error: dict[str, Any], where: str | None, value: str) -> None:
    problem = problem_of_vllm(status, json.dumps({"error": error}).encode())
    assert (problem.status, problem.param) == (422, where)
    assert problem.details == {"loc": ["body", *([where] if where else [])], "value": value}


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        pytest.param("/v1/chat/completions", "", 400, id="none-on-v1"),
        pytest.param("/v1/chat/completions", "text/plain", 400, id="text-on-v1"),
        pytest.param("/v1/embeddings", "application/xml", 400, id="xml-on-v1"),
        pytest.param("/v1/chat/completions", "Application/JSON; charset=utf-8", 200, id="json-on-v1"),
        pytest.param("/score", "", 200, id="none-on-score"),
        pytest.param("/score", "application/x-www-form-urlencoded", 200, id="form-on-score"),
        pytest.param("/chat/completions", None, 200, id="json-on-azures"),
        pytest.param("/chat/completions", "text/plain", 415, id="text-on-azures"),
    ],
)
def test_content_type(path: str, kind: str | None, status: int) -> None:
    headers = {} if kind is None else {"content_type": kind}
    answered, _, document = ask(served("generate", "embed"), "POST", path, {"model": "", **QUESTION}, **headers)
    assert answered == status
    if status != 200:
        assert "Only 'application/json' is allowed" in document["error"]["message"]


def test_two_versions_are_said_to_be_two() -> None:
    query = b"api-version=2025-04-01&api-version=2025-04-01"
    document = ask(served("generate"), "POST", "/chat/completions", QUESTION, query)[2]
    assert "given 2 times" in document["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"temperature": -1}, "temperature must be at least 0.", id="too-low"),
        pytest.param({"top_p": 1.5}, "top_p must be at most 1.", id="too-high"),
        pytest.param({"stop": 3}, "stop must be a string or an array.", id="union"),
        pytest.param({"messages": []}, "messages must have at least 1 item.", id="empty"),
        pytest.param({"messages": ["x"]}, "messages.0 must be an object.", id="no-object"),
        pytest.param({"messages": [{}]}, "messages.0.role is required.", id="no-role"),
        pytest.param(
            {"messages": [{"role": "x"}]},
            "messages.0.role must be one of 'system', 'developer', 'user', 'assistant', 'tool'.",
            id="role",
        ),
        pytest.param(parts("x"), "messages.1.content.0 must be an object.", id="part-is-text"),
        pytest.param(
            parts({"type": "image_url", "image_url": {}}), "messages.1.content.0.image_url.url is required.", id="deep"
        ),
        pytest.param({"tool_choice": {}}, "tool_choice.type is required.", id="the-branch-that-was-meant"),
        pytest.param({"seed": True}, "seed must be an integer.", id="boolean-is-no-number"),
    ],
)
def test_words(fields: dict[str, Any], words: str) -> None:
    assert reached("/chat/completions", {**QUESTION, **fields})["message"] == words


EMBED = "/v1/embeddings"


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        pytest.param(EMBED, {"input": "a", "dimensions": 4}, {"input": "a"}, id="own-size"),
        pytest.param(EMBED, {"input": "a", "dimensions": 3}, {"input": "a", "dimensions": 3}, id="other-size"),
        pytest.param(EMBED, {"input": ["a"], "input_type": "query"}, {"input": ["q: a"]}, id="prompt"),
        pytest.param("/embeddings", {"input": ["a"], "dimensions": 4}, {"input": ["a"]}, id="azures"),
        pytest.param(
            "/score/embeddings",
            {"input": ["a"], "input_type": "query", "encoding_format": None, "model": "x"},
            {"input": ["q: a"]},
            id="null-is-absent",
        ),
    ],
)
def test_embeddings_for_vllm(path: str, body: Any, asked: Any) -> None:
    assert reached(path, body) == {**asked, "model": "a/model"}


@pytest.mark.parametrize(("encoding", "vector"), [("binary", [144 - 128]), ("ubinary", [144]), ("float", VECTOR)])
def test_encodings_that_are_computed_here(encoding: str, vector: list[float]) -> None:
    body = {"input": ["a"], "encoding_format": encoding}
    assert ask(served("embed"), "POST", "/embeddings", body)[2]["data"][0]["embedding"] == vector


def test_encodings_that_need_ranges_are_refused() -> None:
    document = reached("/embeddings", {"input": ["a"], "encoding_format": "int8"})
    assert (document["status"], document["detail"]["value"]) == (422, "int8")
    assert "float, base64, binary or ubinary" in document["message"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("org/name-1.5B", "org", id="hub-id"),
        pytest.param("name", "huggingface", id="bare-name"),
        pytest.param("/models/org--name", "org", id="folder"),
        pytest.param("./org--name/", "org", id="folder-with-a-slash"),
        pytest.param("/models/name", "unknown", id="folder-without-organization"),
        pytest.param("~/name", "unknown", id="home"),
    ],
)
def test_provider(name: str, expected: str) -> None:
    assert provider(name) == expected
