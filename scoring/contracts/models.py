"""`/v1/models` of a process: the models of all its engines."""

import json
from collections.abc import Sequence
from typing import Any

from scoring.asgi import call_app
from scoring.engine.client import VllmEngine
from scoring.problems import Problem


async def models_document(engines: Sequence[VllmEngine]) -> dict[str, Any]:
    """Join the lists that vLLM gives for each engine: OpenAI's `{"object": "list", "data": [{"id": …}, …]}`."""
    answers = [await call_app(engine.app, "GET", "/v1/models") for engine in engines]
    return {"object": "list", "data": [model for _, body in answers for model in json.loads(body)["data"]]}


async def model_document(engines: Sequence[VllmEngine], model_id: str) -> dict[str, Any]:
    """Return one model of that list; raises `Problem` (404) in vLLM's words for a name that none answers to."""
    for model in (await models_document(engines))["data"]:
        if model["id"] == model_id:
            return dict(model)
    raise Problem(404, f"The model `{model_id[:100]}` does not exist.", param="model")
