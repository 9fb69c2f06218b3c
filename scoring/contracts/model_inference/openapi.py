"""The Azure AI Model Inference routes in OpenAPI, out of the same table that requests are checked by."""

from typing import Any

from scoring.contracts.model_inference.fields import API_VERSIONS, FIELDS, request_schema

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
STATUSES = ("400", "401", "404", "413", "422", "429", "500", "503")


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _counts(*names: str) -> dict[str, Any]:
    return _object(names, **dict.fromkeys(names, INTEGER))


ERROR = _object(
    ("error",),
    error=_object(
        ("code", "message"),
        code=TEXT,
        message=TEXT,
        target=TEXT,
        details={"type": "array", "items": {"type": "object"}},
        innererror={"type": "object"},
    ),
    status=INTEGER,
    code=TEXT,
    message=TEXT,
    detail=_object((), loc={"type": "array", "items": TEXT}, value=TEXT),
)
TOOL_CALL = _object(
    ("id", "type", "function"),
    id=TEXT,
    type={"type": "string", "enum": ["function"]},
    function=_object(("name", "arguments"), name=TEXT, arguments=TEXT),
)
AUDIO = _object(
    ("id", "expires_at", "data", "transcript"), id=TEXT, expires_at=INTEGER, data=TEXT, format=TEXT, transcript=TEXT
)
MESSAGE = _object(
    ("role", "content"),
    role=TEXT,
    content={"type": ["string", "null"]},
    reasoning_content=TEXT,
    tool_calls={"type": "array", "items": TOOL_CALL},
    audio=AUDIO,
)
CHOICE = _object(
    ("index", "finish_reason", "message"), index=INTEGER, finish_reason={"type": ["string", "null"]}, message=MESSAGE
)
USAGE = _object(
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    prompt_tokens=INTEGER,
    completion_tokens=INTEGER,
    total_tokens=INTEGER,
    completion_tokens_details=_counts("audio_tokens", "reasoning_tokens", "total_tokens"),
    prompt_tokens_details=_counts("audio_tokens", "cached_tokens"),
)
CHAT = _object(
    ("id", "object", "created", "model", "choices", "usage"),
    id=TEXT,
    object={"type": "string", "enum": ["chat.completion"]},
    created=INTEGER,
    model=TEXT,
    choices={"type": "array", "items": CHOICE},
    usage=USAGE,
    system_fingerprint=TEXT,
)
EMBEDDING = _object(
    ("index", "object", "embedding"),
    index=INTEGER,
    object={"type": "string", "enum": ["embedding"]},
    embedding={"anyOf": [{"type": "array", "items": {"type": "number"}}, TEXT]},
)
EMBEDDINGS = _object(
    ("id", "object", "data", "model", "usage"),
    id=TEXT,
    object={"type": "string", "enum": ["list"]},
    data={"type": "array", "items": EMBEDDING},
    model=TEXT,
    usage=_object(("prompt_tokens", "total_tokens"), prompt_tokens=INTEGER, total_tokens=INTEGER),
)
INFO = _object(
    ("model_name", "model_type", "model_provider_name"),
    model_name=TEXT,
    model_type={"type": "string", "enum": ["embeddings", "chat-completion"]},
    model_provider_name=TEXT,
)
SUCCESS = {"/chat/completions": CHAT, "/embeddings": EMBEDDINGS, "/images/embeddings": EMBEDDINGS, "/info": INFO}


def operation(path: str) -> dict[str, Any]:
    """Return the OpenAPI operation of one of these routes."""
    version = {"name": "api-version", "in": "query", "required": True, "schema": {**TEXT, "enum": list(API_VERSIONS)}}
    described: dict[str, Any] = {
        "summary": f"Azure AI Model Inference: {path}",
        "parameters": [version],
        "responses": {"200": _answer("OK", SUCCESS[path])} | {status: _error() for status in STATUSES},
    }
    if path == "/chat/completions":
        described["responses"]["200"]["content"]["text/event-stream"] = {"schema": TEXT}
    if path in FIELDS:
        modes = {**TEXT, "enum": ["error", "drop", "pass-through"], "default": "error"}
        described["parameters"].append({"name": "extra-parameters", "in": "header", "required": False, "schema": modes})
        content = {"application/json": {"schema": request_schema(path)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error() -> dict[str, Any]:
    return {**_answer("Error", ERROR), "headers": {"x-ms-error-code": {"schema": TEXT}}}
