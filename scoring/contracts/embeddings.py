"""Embeddings in vLLM's words: images as messages, and the prompt that a model wants before queries or documents."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoring.asgi import Receive, Scope, Send, read_body, replaying, with_body
from scoring.problems import Problem

PATH = "/v1/embeddings"
ENCODINGS = ("float", "base64")
# The names that sentence-transformers' models give their prompts, by the API's `input_type`.
PROMPT_NAMES = {"query": ("query", "search_query"), "document": ("document", "passage", "search_document", "corpus")}


def embeddings_for_vllm(body: dict[str, Any]) -> dict[str, Any]:
    """Refuse the encodings that vLLM does not write."""
    encoding = body.get("encoding_format", "float")
    if encoding not in ENCODINGS:
        raise _refused("encoding_format", f"can be {' or '.join(ENCODINGS)} with this model", encoding)
    return body


def image_embeddings_for_vllm(body: dict[str, Any]) -> dict[str, Any]:
    """Turn each `{"image": data URL, "text": …}` into a conversation of its own: vLLM embeds those one by one."""
    rest = {name: value for name, value in embeddings_for_vllm(body).items() if name not in ("input", "input_type")}
    return {**rest, "messages": [[_message(item)] for item in body["input"]]}


def _refused(name: str, why: str, value: str) -> Problem:
    details = {"loc": ["body", *name.split(".")], "value": value[:200]}
    return Problem(422, f"{name} {why}.", param=name, details=details)


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    if not item["image"].startswith("data:image/"):
        raise _refused("input.image", "must be a data URL, data:image/png;base64,…", item["image"])
    parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": item["image"]}}]
    if item.get("text"):
        parts.append({"type": "text", "text": item["text"]})
    return {"role": "user", "content": parts}


def read_prompts(model: str) -> dict[str, str]:
    """Return the prompts by `input_type` that the model's sentence-transformers settings name, if it has any."""
    try:
        settings = json.loads((Path(model) / "config_sentence_transformers.json").read_text())
    except (OSError, ValueError):
        return {}
    prompts = settings.get("prompts") or {}
    found = {
        kind: next((prompts[name] for name in names if name in prompts), "") for kind, names in PROMPT_NAMES.items()
    }
    found["text"] = prompts.get(settings.get("default_prompt_name"), "")
    return {kind: prompt for kind, prompt in found.items() if prompt}


def with_prompt(document: dict[str, Any], prompts: Mapping[str, str]) -> dict[str, Any]:
    """Return the request without its `input_type`, the texts begun as the model wants them for it."""
    rest = {name: value for name, value in document.items() if name != "input_type"}
    kind = document.get("input_type")
    prompt = prompts.get(kind, "") if isinstance(kind, str) else ""
    texts = rest.get("input")
    if prompt and isinstance(texts, str):
        rest["input"] = prompt + texts
    elif prompt and isinstance(texts, list):
        rest["input"] = [prompt + text if isinstance(text, str) else text for text in texts]
    return rest


class EmbeddingsApp:
    """vLLM's app with `input_type`, which vLLM passes over."""

    def __init__(self, app: Any, prompts: Mapping[str, str]) -> None:
        self._app = app
        self._prompts = prompts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            body = await read_body(scope, receive, limit=1 << 62)  # the surface in front of us has its limit
            if b'"input_type"' in body:
                body = json.dumps(with_prompt(json.loads(body), self._prompts)).encode()
                scope = with_body(scope, PATH, body)
            receive = replaying(body, receive)
        await self._app(scope, receive, send)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)
