"""Where a refusal of Azure's surface says the fault lies, over an engine that is not asked."""

import json
from typing import Any

import pytest

from scoring.contracts.info import provider
from scoring.contracts.model_inference.answers import problem_of_vllm
from scoring.contracts.routes import find_route
from scoring.contracts.surfaces import contract_of
from scoring.problems import Problem

QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


def prepared(path: str, body: dict[str, Any], *, query: bytes = b"api-version=2025-04-01", **headers: str) -> Any:
    """Return what a surface would ask vLLM."""
    route, _ = find_route("POST", path)
    assert route is not None
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "query_string": query, "headers": pairs}
    contract = contract_of(route.surface)
    contract.check(scope)
    return contract.prepare(scope, route, body, "m")


def parts(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": list(content)}]}


@pytest.mark.parametrize(
    ("fields", "where", "value"),
    [
        pytest.param({"seed": 2**70}, "seed", str(2**70), id="seed-beyond-64-bits"),
        pytest.param({"stop": ""}, "stop", "", id="empty-stop"),
        pytest.param({"stop": ["x", ""]}, "stop", "", id="empty-stop-in-a-list"),
        pytest.param(
            parts({"type": "text", "text": "a"}, {"type": "text"}),
            "messages.1.content.1.text",
            "",
            id="part-without-text",
        ),
        pytest.param({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "", id="user-says-null"),
    ],
)
def test_place_and_value(fields: dict[str, Any], where: str, value: str) -> None:
    with pytest.raises(Problem) as caught:
        prepared("/chat/completions", {**QUESTION, **fields})
    assert (caught.value.status, caught.value.param) == (422, where)
    assert caught.value.details == {"loc": ["body", *where.split(".")], "value": value}


def test_assistant_may_say_null() -> None:
    body = {"messages": [*QUESTION["messages"], {"role": "assistant", "content": None}]}
    assert "content" not in prepared("/chat/completions", body)["messages"][1]


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
        pytest.param("/v1/chat/completions", None, 400, id="none-on-v1"),
        pytest.param("/v1/chat/completions", "text/plain", 400, id="text-on-v1"),
        pytest.param("/v1/embeddings", "application/xml", 400, id="xml-on-v1"),
        pytest.param("/v1/responses", "Application/JSON; charset=utf-8", 0, id="json-on-v1"),
        pytest.param("/score", None, 0, id="none-on-score"),
        pytest.param("/score", "application/x-www-form-urlencoded", 0, id="form-on-score"),
        pytest.param("/chat/completions", None, 0, id="none-on-azures"),
        pytest.param("/chat/completions", "text/plain", 415, id="text-on-azures"),
    ],
)
def test_content_type(path: str, kind: str | None, status: int) -> None:
    headers = {} if kind is None else {"content_type": kind}
    if not status:
        assert prepared(path, QUESTION, **headers)
        return
    with pytest.raises(Problem, match="Only 'application/json' is allowed") as caught:
        prepared(path, QUESTION, **headers)
    assert caught.value.status == status


def test_two_versions_are_said_to_be_two() -> None:
    with pytest.raises(Problem, match="given 2 times"):
        prepared("/chat/completions", QUESTION, query=b"api-version=2025-04-01&api-version=2025-04-01")


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
