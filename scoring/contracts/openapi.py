"""The OpenAPI document of what is really served: vLLM's own schema cut down to the table of routes, and our routes."""

import copy
import json
import re
from typing import Any

from scoring.contracts.model_inference import openapi as model_inference_openapi
from scoring.contracts.routes import ROUTES, TASKS, Answer, Route, Surface
from scoring.engine.client import VllmEngine

OPEN_OBJECT = {"type": "object", "additionalProperties": True}


def openapi_document(engines: list[VllmEngine]) -> dict[str, Any]:
    """Return the document for these engines: only routes that one of them can answer."""
    sources = [copy.deepcopy(engine.app.openapi()) for engine in engines]
    tasks = {task for engine in engines for task in engine.tasks}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"gatelift: {', '.join(engines[0].names)}", "version": "1"},
        "paths": {},
        "components": {"schemas": {}},
    }
    for route in ROUTES:
        if not _answerable(route, tasks):
            continue
        operation = _operation(route, sources)
        operation["operationId"] = _operation_id(route)
        operation["tags"] = [route.surface.value]
        document["paths"].setdefault(route.path, {})[route.method.lower()] = operation
    for source in sources:
        document["components"]["schemas"] |= _referenced(document, source.get("components", {}).get("schemas", {}))
    return document


def _answerable(route: Route, tasks: set[str]) -> bool:
    needed = TASKS.get(route.answer)
    return needed is None or needed in tasks


def _operation(route: Route, sources: list[dict[str, Any]]) -> dict[str, Any]:
    if route.surface is Surface.MODEL_INFERENCE:
        return model_inference_openapi.operation(route.path)
    for source in sources:
        found = source["paths"].get(route.engine_path, {}).get(route.method.lower())
        if found and route.answer is not Answer.METRICS:
            return dict(copy.deepcopy(found))
    content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if route.answer is not Answer.METRICS:
        content = {"application/json": {"schema": OPEN_OBJECT}}
    operation: dict[str, Any] = {
        "summary": route.answer.value,
        "responses": {"200": {"description": "OK", "content": content}},
    }
    if route.answer is Answer.READY:
        operation["responses"]["503"] = {"description": "Not ready", "content": content}
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path)
    return "_".join([route.method.lower(), *words]) if words else "post_root"


def _referenced(document: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that the document leads to, and those that these lead to."""
    found: dict[str, Any] = {}
    waiting = _names(document)
    while waiting:
        name = waiting.pop()
        if name in schemas and name not in found:
            found[name] = schemas[name]
            waiting |= _names(schemas[name])
    return found


def _names(node: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(node)))
