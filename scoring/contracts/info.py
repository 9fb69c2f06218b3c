"""What /info says of the model."""

import re
from typing import Any

from scoring.engine.client import EMBED, GENERATE, VllmEngine

HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")


def model_info(engine: VllmEngine) -> dict[str, Any]:
    """Describe the model as the Azure AI Model Inference API does."""
    kinds = {GENERATE: "chat-completion", EMBED: "embeddings"}
    name = engine.names[0]
    return {
        "model_name": name,
        "model_type": next((kind for task, kind in kinds.items() if task in engine.tasks), "chat-completion"),
        "model_provider_name": provider(name),
    }


def provider(name: str) -> str:
    """Return the organization of a Hub id or of a folder called `org--name`."""
    if HUB_ID.fullmatch(name):
        return name.split("/")[0]
    organization, dashes, _ = name.rstrip("/").rpartition("/")[2].partition("--")
    if dashes and organization:
        return organization
    return "unknown" if "/" in name else "huggingface"
