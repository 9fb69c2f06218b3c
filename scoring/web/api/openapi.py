"""The OpenAPI document of what is really served: our routes as FastAPI describes them, and vLLM's own as vLLM does."""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from scoring.contracts.paths import CONVERSATIONS, RELAYED, RESPONSES
from scoring.engine.client import VllmEngine

Document = dict[str, Any]
BEARER = {"type": "http", "scheme": "bearer"}
API_KEY = {"type": "apiKey", "in": "header", "name": "api-key"}


def openapi_document(app: FastAPI, engines: Sequence[VllmEngine]) -> Document:
    """Return the document of an app over these engines, in OpenAPI 3.1."""
    document = app.openapi()
    sources = [copy.deepcopy(engine.app.openapi()) for engine in engines]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["tags"] == ["OpenAI"] and not path.startswith((RESPONSES, CONVERSATIONS)):
                item[method] = {**operation, **_vllms(sources, RELAYED.get(path, path), method)}
            for parameter in operation.get("parameters", ()):
                parameter["required"] |= parameter["name"] == "api-version"  # whose absence has words of its own
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for source in sources:
        schemas |= _referenced(document, source.get("components", {}).get("schemas", {}))
    if app.state.service.api_keys:
        document["components"]["securitySchemes"] = {"bearer": BEARER, "api-key": API_KEY}
        document["security"] = [{"bearer": []}, {"api-key": []}]
    return document


def _vllms(sources: list[Document], path: str, method: str) -> Document:
    """Return what vLLM says of one of its routes, but for its name."""
    for source in sources:
        found = source["paths"].get(path, {}).get(method)
        if found:
            return {name: value for name, value in found.items() if name not in ("operationId", "tags")}
    return {}


def _referenced(document: Document, schemas: Document) -> Document:
    """Return the schemas that the document leads to, and those that these lead to."""
    found: Document = {}
    waiting = _names(document)
    while waiting:
        name = waiting.pop()
        if name in schemas and name not in found:
            found[name] = schemas[name]
            waiting |= _names(schemas[name])
    return found


def _names(node: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(node)))
