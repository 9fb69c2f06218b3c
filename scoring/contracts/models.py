"""`/v1/models` of a process: the models of all its engines."""

import json
from typing import Any

from scoring.asgi import call_app
from scoring.engine.client import VllmEngine


async def models_document(engines: list[VllmEngine]) -> dict[str, Any]:
    """Join the lists that vLLM gives for each engine."""
    answers = [await call_app(engine.app, "GET", "/v1/models") for engine in engines]
    return {"object": "list", "data": [model for _, body in answers for model in json.loads(body)["data"]]}
