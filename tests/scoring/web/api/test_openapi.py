"""The OpenAPI document of servers of each kind, over vLLM's own app without an engine."""

from argparse import Namespace
from typing import Any

import pytest
from openapi_spec_validator import validate

from scoring.engine.arguments import parse_arguments
from scoring.engine.modules import VllmModules
from scoring.web.api.openapi import openapi_document
from tests.scoring.resting import served

KINDS = [
    pytest.param(("generate",), {"/v1/chat/completions", "/score", "/chat/completions"}, id="chat"),
    pytest.param(("embed",), {"/v1/embeddings", "/embeddings"}, id="embeddings"),
    pytest.param(("generate", "embed", "embed images"), {"/v1/responses", "/images/embeddings"}, id="two-engines"),
]
EVERYWHERE = {
    "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json",
    "/v1/models", "/v1/models/{model_id}", "/info",
}  # fmt: skip


@pytest.fixture(scope="module")
def vllm() -> tuple[VllmModules, Namespace]:
    """vLLM's entry points and arguments."""
    modules = VllmModules()
    return modules, parse_arguments(modules, ("a/model",))


def described(vllm: tuple[VllmModules, Namespace], *tasks: str, **environ: str) -> Any:
    """Return the document of a server that can do these tasks, and what vLLM says of its own."""
    modules, arguments = vllm
    service = served(*tasks, **environ).service
    app = modules.build_app(arguments, tuple(task for task in tasks if task != "embed images"), None)
    service.engines[0].app = app
    return openapi_document(service.api, service.engines), app.openapi()  # type: ignore[arg-type]


@pytest.mark.parametrize(("tasks", "paths"), KINDS)
def test_document_is_valid_and_has_what_is_served(vllm: Any, tasks: tuple[str, ...], paths: set[str]) -> None:
    document, _ = described(vllm, *tasks)
    validate(document)
    assert paths | EVERYWHERE <= document["paths"].keys()
    assert ("/v1/embeddings" in document["paths"]) is ("embed" in tasks)
    assert ("/v1/responses" in document["paths"]) is ("generate" in tasks)
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_our_schemas_and_vllms_have_different_names(vllm: Any) -> None:
    ours = served("generate", "embed", "embed images").service.api.openapi()["components"]["schemas"]  # type: ignore[union-attr]
    _, theirs = described(vllm, "generate", "embed")
    assert ours.keys() & theirs["components"]["schemas"].keys() == set()


def test_responses_are_described_as_they_are_served_here_rather_than_by_vllm(vllm: Any) -> None:
    paths = described(vllm, "generate")[0]["paths"]
    created = paths["/v1/responses"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert created["required"] == ["model"]
    assert {"input", "conversation", "previous_response_id", "tools", "background"} <= created["properties"].keys()
    assert paths["/v1/conversations"]["post"]["requestBody"]["content"]
    pages = paths["/v1/responses/{response_id}/input_items"]["get"]["parameters"]
    assert {"limit", "order", "after"} <= {parameter["name"] for parameter in pages}
    streamed = paths["/v1/responses/{response_id}"]["get"]["parameters"]
    assert [one["name"] for one in streamed] == ["response_id", "stream", "starting_after"]


def test_relayed_paths_take_what_vllms_chat_takes(vllm: Any) -> None:
    document, theirs = described(vllm, "generate")
    for path in ("/", "/score", "/v1/chat/completions"):
        body = document["paths"][path]["post"]["requestBody"]
        assert body == theirs["paths"]["/v1/chat/completions"]["post"]["requestBody"]


def test_azures_parameters(vllm: Any) -> None:
    document, _ = described(vllm, "generate")
    version, mode = sorted(
        document["paths"]["/chat/completions"]["post"]["parameters"], key=lambda one: str(one["name"])
    )
    assert (version["name"], version["in"], version["required"]) == ("api-version", "query", True)
    assert (mode["name"], mode["in"], mode["required"]) == ("extra-parameters", "header", False)
    assert "2025-04-01" in version["schema"]["enum"]
    assert mode["schema"]["default"] == "error"


def test_keys_are_described_where_they_are_asked_for(vllm: Any) -> None:
    assert "security" not in described(vllm, "embed")[0]
    document, _ = described(vllm, "embed", SCORING_API_KEY="x")
    validate(document)
    assert document["security"] == [{"bearer": []}, {"api-key": []}]
