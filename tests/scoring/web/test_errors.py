"""Refusals in their whole shape, over engines that do not run: by surface, by status, as Azure's client reads them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.models import StreamingChatCompletionsUpdate
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from scoring.contracts.model_inference.answers import error_body, error_event, error_headers
from scoring.contracts.paths import AZURES
from scoring.problems import Problem
from scoring.web.service import State
from tests.scoring.resting import VERSION, ask, served

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("tasks", "path", "body"),
    [
        pytest.param(("embed",), "/chat/completions", CHAT, id="chat-of-an-embedding-model"),
        pytest.param(("generate",), "/embeddings", {"input": ["a"]}, id="embeddings-of-a-chat-model"),
        pytest.param(("generate",), "/images/embeddings", {"input": [{"image": "x"}]}, id="images-of-a-chat-model"),
        pytest.param(("embed",), "/images/embeddings", {"input": [{"image": "x"}]}, id="images-of-a-text-model"),
    ],
)
def test_a_modality_that_the_model_has_not_is_not_found(tasks: tuple[str, ...], path: str, body: Any) -> None:
    status, headers, document = ask(served(*tasks), "POST", path, body)
    assert (status, headers[b"x-ms-error-code"]) == (404, b"NotFound")
    assert document["error"]["message"].startswith("Modality not supported by the model")
    assert (document["status"], document["message"]) == (404, document["error"]["message"])


@pytest.mark.parametrize("path", ["/", "/score", "/v1/chat/completions", "/v1/responses", "/v1/completions"])
def test_an_embedding_model_does_not_chat_on_the_other_surface(path: str) -> None:
    status, _, document = ask(served("embed"), "POST", path, CHAT)
    assert (status, document["error"]["type"], document["error"]["code"]) == (404, "NotFoundError", 404)


AZURE_ROUTES = [("GET" if path.endswith("/info") else "POST", path) for path in sorted(AZURES)]


@pytest.mark.parametrize(("method", "path"), AZURE_ROUTES)
@pytest.mark.parametrize(
    ("environ", "state", "wanted"),
    [
        pytest.param({"SCORING_API_KEY": "right"}, State.READY, (401, b"Unauthorized"), id="no-key"),
        pytest.param({}, State.DRAINING, (503, b"ServiceUnavailable"), id="shutting-down"),
    ],
)
def test_every_route_of_azures_surface_refuses_in_its_shape(
    method: str, path: str, environ: dict[str, str], state: State, wanted: tuple[int, bytes]
) -> None:
    status, headers, document = ask(served("generate", "embed", state=state, **environ), method, path, {})
    assert (status, headers[b"x-ms-error-code"]) == wanted
    assert document["error"]["code"] == document["code"] == wanted[1].decode()
    assert (document["status"], document["message"]) == (status, document["error"]["message"])
    assert headers.get(b"retry-after" if status == 503 else b"www-authenticate")


@pytest.mark.parametrize("name", ["authorization", "api_key"])
def test_either_header_takes_the_key(name: str) -> None:
    value = "Bearer right" if name == "authorization" else "right"
    app = served("generate", SCORING_API_KEY="right")
    status, _, document = ask(app, "GET", "/info", None, VERSION, **{name: value})
    assert (status, document["model_name"]) == (200, "a/model")
    assert ask(app, "GET", "/info", None, VERSION, **{name: value + "x"})[0] == 401


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_probes_need_no_key(path: str) -> None:
    assert ask(served("generate", SCORING_API_KEY="right"), "GET", path)[0] == 200
    draining = served("generate", SCORING_API_KEY="right", state=State.DRAINING)
    assert ask(draining, "GET", path)[0] == (200 if path == "/health/live" else 503)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        pytest.param("GET", "/v1/chat/completions", b"POST", id="relayed"),
        pytest.param("PUT", "/v1/responses/x", b"DELETE, GET", id="two-methods"),
        pytest.param("POST", "/health", b"GET", id="probe"),
        pytest.param("POST", "/v1/models/a/model", b"GET", id="model-with-a-slash"),
        pytest.param("DELETE", "/score/info", b"GET", id="azures"),
    ],
)
def test_wrong_method_names_the_right_ones(method: str, path: str, allow: bytes) -> None:
    status, headers, document = ask(served("generate"), method, path, {})
    assert (status, headers[b"allow"]) == (405, allow)
    assert document["error"]["code"] == ("MethodNotAllowed" if "info" in path else 405)


@pytest.mark.parametrize("path", ["/v1/chat/completions/chat/completions", "/openai/v1/chat/completions"])
def test_a_base_url_that_is_wrong_is_told_the_right_one(path: str) -> None:
    status, _, document = ask(served("generate"), "POST", path, CHAT)
    assert (status, document["error"]["type"], document["error"]["code"]) == (404, "NotFoundError", 404)
    assert "base URL ends in /v1" in document["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models/x/y"), ("POST", "/" + "x" * 9999), ("POST", "/v1/embeddings")]
)
def test_refusals_are_short(method: str, path: str) -> None:
    assert len(json.dumps(ask(served("generate"), method, path, {})[2])) < 700


def test_a_model_is_found_by_its_name() -> None:
    app = served("generate")
    assert ask(app, "GET", "/v1/models/a/model")[2] == {"id": "a/model", "object": "model"}
    status, _, document = ask(app, "GET", "/v1/models/org/other")
    assert (status, document["error"]) == (
        404,
        {
            "message": "The model `org/other` does not exist. Valid aliases: a/model.",
            "type": "NotFoundError",
            "param": "model",
            "code": 404,
        },
    )


@pytest.mark.parametrize("query", [b"api-version=2024-05-01-Preview", b"API-Version=2025-04-01"])
def test_api_version_in_any_case(query: bytes) -> None:
    assert ask(served("generate"), "GET", "/score/info", None, query)[0] == 200


def test_many_extra_parameters_are_told_in_part() -> None:
    status, _, document = ask(
        served("generate"), "POST", "/chat/completions", {**CHAT, **{f"x{i}": 1 for i in range(9999)}}
    )
    assert (status, document["error"]["code"]) == (400, "ExtraParametersNotAllowed")
    assert len(document["error"]["details"]) == 16


# The reference's five kinds of error, by their flat fields.
REFERENCE = [
    pytest.param(Problem(400, "no", param="messages"), {"status", "code", "message", "param"}, id="content-filter"),
    pytest.param(Problem(401, "who?"), {"status", "message"}, id="unauthorized"),
    pytest.param(Problem(404, "no such modality"), {"status", "message"}, id="not-found"),
    pytest.param(Problem(422, "no", param="n", details={"loc": ["body", "n"], "value": "9"}),
                 {"status", "code", "message", "detail"}, id="unprocessable"),
    pytest.param(Problem(429, "later", retry_after=1), {"status", "message"}, id="too-many-requests"),
]  # fmt: skip
OTHERS = [Problem(status, "words") for status in (405, 413, 500, 503)]


@pytest.mark.parametrize(("problem", "flat"), REFERENCE)
def test_errors_have_the_flat_fields_of_the_reference(problem: Problem, flat: set[str]) -> None:
    body = error_body(problem)
    assert flat | {"error"} <= body.keys()
    assert body["error"].keys() == {"code", "message", "target", "details", "innererror"}


@contextmanager
def answering(problem: Problem) -> Iterator[str]:
    """Serve one error at every path; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(error_body(problem)).encode()
            self.send_response(problem.status)
            for name, value in [*error_headers(problem), (b"content-type", b"application/json")]:
                self.send_header(name.decode(), value.decode())
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("problem", [*(row.values[0] for row in REFERENCE), *OTHERS], ids=lambda one: str(one.status))
def test_azures_client_gets_code_and_message_out_of_every_error(problem: Problem) -> None:
    with (
        answering(problem) as url,
        ChatCompletionsClient(endpoint=url, credential=AzureKeyCredential("k"), retry_total=0) as client,
        pytest.raises(HttpResponseError) as caught,
    ):
        client.complete(**CHAT)
    assert caught.value.status_code == problem.status
    assert caught.value.error is not None
    assert (caught.value.error.code, caught.value.error.message) == (problem.code, problem.message)
    assert caught.value.response.headers["x-ms-error-code"] == problem.code


def test_a_broken_stream_ends_in_an_update_that_azures_client_can_tell(documents: Any) -> None:
    event = error_event(Problem(500, "the engine died"), "a/model").decode()
    assert (event[:6], event[-2:]) == ("data: ", "\n\n")
    document = json.loads(event[6:])
    for official in documents.azure.values():
        validator = official.validator({"$ref": "#/definitions/StreamingChatCompletionsUpdate"})
        assert [fault.message for fault in validator.iter_errors(document)] == []
    update = StreamingChatCompletionsUpdate(document)
    assert update.choices[0].finish_reason == "error"
    assert update["error"]["message"] == "the engine died"
