"""What is said of models: `/info` of one, `/v1/models` of those of all engines of a process."""

import json
import re
from collections.abc import Sequence
from typing import Any

from scoring.asgi import call_app
from scoring.engine.client import EMBED, GENERATE, VllmEngine
from scoring.problems import Problem

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


def check_served(engine: VllmEngine, name: Any) -> None:
    """Raise `Problem` (404) for a name that no model here answers to; what is no text is vLLM's to refuse."""
    if isinstance(name, str) and name not in (known := [*engine.names, *engine.adapters]):
        raise _unknown(name, known)


async def models_document(engines: Sequence[VllmEngine]) -> dict[str, Any]:
    """Join the lists that vLLM gives for each engine: OpenAI's `{"object": "list", "data": [{"id": …}, …]}`."""
    answers = [await call_app(engine.app, "GET", "/v1/models") for engine in engines]
    return {"object": "list", "data": [model for _, body in answers for model in json.loads(body)["data"]]}


async def model_document(engines: Sequence[VllmEngine], model_id: str) -> dict[str, Any]:
    """Return one model of that list; raises `Problem` (404) in vLLM's words for a name that none answers to."""
    for model in (await models_document(engines))["data"]:
        if model["id"] == model_id:
            return dict(model)
    raise _unknown(model_id, [name for engine in engines for name in (*engine.names, *engine.adapters)])


def _unknown(name: str, known: Sequence[str]) -> Problem:
    aliases = ", ".join(known)
    return Problem(404, f"The model `{name[:100]}` does not exist. Valid aliases: {aliases}.", param="model")
