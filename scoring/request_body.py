"""Reading a request's body, and what /info says of the model."""

import json
from typing import Any

from scoring.problems import Problem
from scoring.vllm_engine import EMBED, GENERATE, VllmEngine


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a request body, which must be one JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Problem(400, "The body must be a JSON object.")
    return document


def model_info(engine: VllmEngine) -> dict[str, Any]:
    """Describe the model as the Azure AI Model Inference API does."""
    kinds = {GENERATE: "chat-completion", EMBED: "embeddings"}
    name = engine.names[0]
    return {
        "model_name": name,
        "model_type": next((kind for task, kind in kinds.items() if task in engine.tasks), "chat-completion"),
        "model_provider_name": name.split("/")[0] if "/" in name.strip("/") else "huggingface",
    }
