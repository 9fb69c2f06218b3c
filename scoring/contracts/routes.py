"""Everything that is served, in one table; what does not stand here is not reachable, whatever vLLM registers."""

import re
from dataclasses import dataclass, field
from enum import Enum

from scoring.engine.client import EMBED, EMBED_IMAGES, GENERATE


class Surface(Enum):
    """Whose contract a route keeps."""

    OPENAI = "OpenAI"
    MODEL_INFERENCE = "Azure AI Model Inference"
    AZURE_ML = "Azure Machine Learning"


class Answer(Enum):
    """Who answers a route."""

    LIVE = "live"
    READY = "ready"
    OPENAPI = "openapi"
    INFO = "info"
    METRICS = "metrics"
    GENERATE = "generate"
    EMBED = "embed"
    EMBED_IMAGES = "embed images"
    MODELS = "models"
    STORED = "stored response"


TASKS = {
    Answer.GENERATE: GENERATE,
    Answer.STORED: GENERATE,
    Answer.EMBED: EMBED,
    Answer.EMBED_IMAGES: EMBED_IMAGES,
}  # what an engine must be able to do, by who answers


@dataclass(frozen=True)
class Route:
    """One method and path; `engine_path` is vLLM's own path that answers it."""

    method: str
    path: str
    answer: Answer
    surface: Surface = Surface.OPENAI
    engine_path: str = ""
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        object.__setattr__(self, "pattern", re.compile(pattern))


CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"

ROUTES = (
    Route("GET", "/health/live", Answer.LIVE, Surface.AZURE_ML),
    Route("GET", "/health/ready", Answer.READY, Surface.AZURE_ML),
    Route("GET", "/openapi.json", Answer.OPENAPI, Surface.AZURE_ML),
    Route("GET", "/metrics", Answer.METRICS, Surface.AZURE_ML, "/metrics"),
    Route("POST", "/", Answer.GENERATE, Surface.OPENAI, CHAT),
    Route("POST", "/score", Answer.GENERATE, Surface.OPENAI, CHAT),
    Route("POST", CHAT, Answer.GENERATE, Surface.OPENAI, CHAT),
    Route("POST", "/v1/completions", Answer.GENERATE, Surface.OPENAI, "/v1/completions"),
    Route("POST", RESPONSES, Answer.GENERATE, Surface.OPENAI, RESPONSES),
    Route("GET", RESPONSES + "/{response_id}", Answer.STORED, Surface.OPENAI, RESPONSES + "/{response_id}"),
    Route("DELETE", RESPONSES + "/{response_id}", Answer.STORED, Surface.OPENAI, RESPONSES + "/{response_id}"),
    # The same as DELETE, which Azure's front end may not pass on; vLLM has no such path.
    Route(
        "POST", RESPONSES + "/{response_id}/delete", Answer.STORED, Surface.OPENAI, RESPONSES + "/{response_id}/delete"
    ),
    Route(
        "POST", RESPONSES + "/{response_id}/cancel", Answer.STORED, Surface.OPENAI, RESPONSES + "/{response_id}/cancel"
    ),
    Route("POST", "/v1/embeddings", Answer.EMBED, Surface.OPENAI, "/v1/embeddings"),
    Route("GET", "/v1/models", Answer.MODELS, Surface.OPENAI, "/v1/models"),
    Route("POST", "/chat/completions", Answer.GENERATE, Surface.MODEL_INFERENCE, CHAT),
    Route("POST", "/embeddings", Answer.EMBED, Surface.MODEL_INFERENCE, "/v1/embeddings"),
    Route("POST", "/images/embeddings", Answer.EMBED_IMAGES, Surface.MODEL_INFERENCE, "/v1/embeddings"),
    Route("GET", "/info", Answer.INFO, Surface.MODEL_INFERENCE),
)


AT = {path: [route for route in ROUTES if route.path == path] for path in {route.path for route in ROUTES}}


def find_route(method: str, path: str) -> tuple[Route | None, list[Route]]:
    """Return the route, and all the routes of this path."""
    known = AT.get(path) or [route for route in ROUTES if route.pattern.fullmatch(path)]
    asked = "GET" if method == "HEAD" else method
    return next((route for route in known if route.method == asked), None), known
