"""The two contracts that a request may come under: what is asked of vLLM, and how answers and errors look."""

import json
from typing import Any, Protocol

from scoring.asgi import Headers, Scope, Send, header
from scoring.contracts.model_inference import answers as model_inference_answers
from scoring.contracts.model_inference import requests as model_inference_requests
from scoring.contracts.responses_input import check_items, readable_input
from scoring.contracts.routes import RESPONSES, Route, Surface
from scoring.problems import Problem, openai_error


class Contract(Protocol):
    """How one surface reads requests and writes answers."""

    def check(self, scope: Scope) -> None:
        """Refuse what can be refused before the body is read."""

    def prepare(self, scope: Scope, route: Route, document: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the document for vLLM: the same object if nothing had to be changed."""

    def writer(self, send: Send, route: Route, name: str) -> Send:
        """Return what vLLM's answer is sent through."""

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return the body and the headers of an error."""

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return the event that tells of an error in a stream that has begun."""


class OpenAiContract:
    """vLLM's own words; only a `model` that is left blank is filled in."""

    def check(self, scope: Scope) -> None:
        """Refuse nothing."""

    def prepare(self, scope: Scope, route: Route, document: dict[str, Any], name: str) -> dict[str, Any]:
        """Leave the document as it came, but for a blank model and what vLLM cannot read."""
        if route.path.startswith("/v1/"):  # on / and /score Azure's own inference server takes any type
            _check_type(scope, 400, required=True)
        changes: dict[str, Any] = {}
        model = document.get("model", "")
        if model is None or (isinstance(model, str) and not model.strip()):
            changes["model"] = name
        if route.engine_path == RESPONSES and "input" in document:
            changes["input"] = readable_input(document["input"])
            check_items(changes["input"])
        return {**document, **changes} if changes else document

    def writer(self, send: Send, route: Route, name: str) -> Send:
        """Change nothing."""
        return send

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return OpenAI's error object."""
        return openai_error(problem), problem.headers

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return the event that OpenAI's clients raise."""
        return f"data: {json.dumps(openai_error(problem))}\n\n".encode()


class ModelInferenceContract:
    """The Azure AI Model Inference API, by its table of fields."""

    def check(self, scope: Scope) -> None:
        """Ask for a known api-version."""
        model_inference_requests.check_version(scope)

    def prepare(self, scope: Scope, route: Route, document: dict[str, Any], name: str) -> dict[str, Any]:
        """Check the document by the table and say it in vLLM's words."""
        _check_type(scope, 415, required=False)
        return model_inference_requests.prepare(scope, route.path, document, name)

    def writer(self, send: Send, route: Route, name: str) -> Send:
        """Rewrite vLLM's answer."""
        return model_inference_answers.AnswerWriter(send, name, model_inference_answers.CONVERT[route.path])

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return the nested error object with the reference's flat fields."""
        return model_inference_answers.error_body(problem), model_inference_answers.error_headers(problem)

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return an update that carries the error."""
        return model_inference_answers.error_event(problem, name)


def _check_type(scope: Scope, status: int, *, required: bool) -> None:
    """Refuse what does not say that it is JSON, in vLLM's words; a browser may send it without asking first."""
    given = header(scope, b"content-type")
    if given is None and not required:
        return
    if (given or "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(status, "Unsupported Media Type: Only 'application/json' is allowed")


OPENAI = OpenAiContract()
MODEL_INFERENCE = ModelInferenceContract()


def contract_of(surface: Surface) -> Contract:
    """Return the contract of a surface."""
    return MODEL_INFERENCE if surface is Surface.MODEL_INFERENCE else OPENAI
