"""The two contracts that a request may come under: how they word an error, before an answer and within a stream."""

import json
from typing import Any, Protocol

from scoring.asgi import Headers
from scoring.contracts.model_inference import answers as model_inference_answers
from scoring.contracts.paths import AZURES
from scoring.problems import Problem, openai_error


class Contract(Protocol):
    """How one surface tells of a problem."""

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return the body and the headers of an error."""

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return the event that tells of an error in a stream that has begun."""


class OpenAiContract:
    """vLLM's own words for OpenAI's API."""

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return OpenAI's error object."""
        return openai_error(problem), problem.headers

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return the event that OpenAI's clients raise."""
        return f"data: {json.dumps(openai_error(problem))}\n\n".encode()


class ModelInferenceContract:
    """The Azure AI Model Inference API."""

    def error(self, problem: Problem) -> tuple[dict[str, Any], Headers]:
        """Return the nested error object with the reference's flat fields."""
        return model_inference_answers.error_body(problem), model_inference_answers.error_headers(problem)

    def error_event(self, problem: Problem, name: str) -> bytes:
        """Return an update that carries the error."""
        return model_inference_answers.error_event(problem, name)


OPENAI = OpenAiContract()
MODEL_INFERENCE = ModelInferenceContract()


def contract_of(path: str) -> Contract:
    """Return the contract that a path comes under; OpenAI's where it is not Azure's."""
    return MODEL_INFERENCE if path in AZURES else OPENAI
