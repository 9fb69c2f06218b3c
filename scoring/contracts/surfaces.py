"""The two contracts that a request may come under: how they word an error, before an answer and within a stream."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring.asgi import Headers
from scoring.contracts.model_inference.answers import error_body, error_event, error_headers
from scoring.contracts.paths import AZURES
from scoring.problems import Problem, openai_error


@dataclass(frozen=True)
class Contract:
    """How one surface tells of a problem.

    `error` returns the body and the headers of an answer, `error_event` the event in a stream that has begun, of the
    model with this name.
    """

    error: Callable[[Problem], tuple[dict[str, Any], Headers]]
    error_event: Callable[[Problem, str], bytes]


OPENAI = Contract(
    error=lambda problem: (openai_error(problem), problem.headers),
    error_event=lambda problem, name: f"data: {json.dumps(openai_error(problem))}\n\n".encode(),
)
MODEL_INFERENCE = Contract(error=lambda problem: (error_body(problem), error_headers(problem)), error_event=error_event)


def contract_of(path: str) -> Contract:
    """Return the contract that a path comes under; OpenAI's where it is not Azure's."""
    return MODEL_INFERENCE if path in AZURES else OPENAI
