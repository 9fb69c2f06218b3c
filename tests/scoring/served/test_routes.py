"""Only what the routers name is reachable, and it is what /openapi.json describes."""

import ast
import re
from pathlib import Path

import httpx
import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential
from openai import NotFoundError, OpenAI

from scoring.web.api.app import AZURES_ROUTERS, ROUTERS
from tests.scoring.bodies import QUESTION

ALLOWED = {
    (method, route.path_format)
    for _, router in (*ROUTERS, *AZURES_ROUTERS)
    for route in router.routes
    for method in route.methods
}
VERBS = {
    "get", "post", "put", "delete", "patch", "head", "options", "api_route", "add_api_route", "websocket", "route",
    "mount", "Mount",
}  # fmt: skip


def vllm_routes() -> list[tuple[str, str]]:
    """Return every route that vLLM's sources register, read without importing them."""
    spec = __import__("importlib.util", fromlist=["util"]).find_spec("vllm")
    found: set[tuple[str, str]] = set()
    for source in (Path(spec.origin).parent / "entrypoints").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in VERBS and node.args and isinstance(node.args[0], ast.Constant):
                path, verb = str(node.args[0].value), name.upper()
                verb = "GET" if verb == "MOUNT" else verb if verb in {"GET", "PUT", "DELETE", "PATCH"} else "POST"
                if path.startswith("/"):
                    found.add((verb, path))
    return sorted(found)


def test_vllm_registers_routes_that_the_next_test_can_try() -> None:
    assert {("POST", "/tokenize"), ("GET", "/version"), ("POST", "/v1/load_lora_adapter")} <= set(vllm_routes())


@pytest.mark.parametrize(("method", "path"), [pytest.param(m, p, id=f"{m} {p}") for m, p in vllm_routes()])
def test_vllm_route_is_served_only_if_listed(chat_url: str, method: str, path: str) -> None:
    listed = (method, path) in ALLOWED
    concrete = re.sub(r"\{[^}]+\}", "x", path)
    answer = httpx.request(method, chat_url + concrete, json={} if method == "POST" else None)
    if listed:
        assert "is not served" not in answer.text
    else:
        assert answer.status_code in (404, 405)
        assert "is not served" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect", "/ping", "/invocations"])
def test_framework_route_is_not_served(chat_url: str, path: str) -> None:
    answer = httpx.get(chat_url + path)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "NotFoundError"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1/../tokenize", id="dots"),
        pytest.param("/v1/%2e%2e/tokenize", id="encoded-dots"),
        pytest.param("//tokenize", id="two-slashes"),
        pytest.param("/v1/responses/a%2f..%2f..%2fmodels", id="encoded-slash"),
        pytest.param("/metrics/", id="slash-at-the-end"),
    ],
)
def test_crooked_path_is_not_served(chat_url: str, path: str) -> None:
    with httpx.Client(base_url=chat_url) as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert client.send(request).status_code == 404


def test_openapi_describes_what_is_served(chat_url: str) -> None:
    document = httpx.get(f"{chat_url}/openapi.json").json()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(m, p) for m, p in ALLOWED if "embeddings" not in p}  # a chat model has none
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', httpx.get(f"{chat_url}/openapi.json").text))
    assert references == set(document["components"]["schemas"])


def test_head_is_a_get_without_a_body(chat_url: str) -> None:
    answer = httpx.head(f"{chat_url}/v1/models")
    assert (answer.status_code, answer.content) == (200, b"")


def test_health_says_no_more_than_its_status(chat_url: str) -> None:
    answer = httpx.get(f"{chat_url}/health")
    assert (answer.status_code, answer.content) == (200, b"")


def test_openais_client_finds_a_model_by_its_name(openai_client: OpenAI, chat_model: str) -> None:
    assert openai_client.models.retrieve(chat_model).id == chat_model
    with pytest.raises(NotFoundError, match="does not exist"):
        openai_client.models.retrieve("org/other")


def test_azures_client_takes_the_scoring_uri_for_its_base(chat_url: str, chat_model: str) -> None:
    with ChatCompletionsClient(endpoint=f"{chat_url}/score", credential=AzureKeyCredential("unused")) as client:
        assert client.get_model_info().model_name == chat_model
        assert client.complete(**QUESTION, max_tokens=4).choices[0].message.content
