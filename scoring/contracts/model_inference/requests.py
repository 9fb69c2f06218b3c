"""A request of the Azure AI Model Inference API, checked by the table and rewritten for vLLM."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from scoring.asgi import Scope, header
from scoring.checks.json_checks import Path, first_fault
from scoring.contracts.embeddings import embeddings_for_vllm, image_embeddings_for_vllm
from scoring.contracts.model_inference.fields import API_VERSIONS, FIELDS
from scoring.problems import Problem

EXTRA_MODES = {
    "error": "error",
    "drop": "drop",
    "ignore": "drop",
    "pass-through": "pass-through",
    "allow": "pass-through",
}


def check_version(scope: Scope) -> str:
    """Return the `api-version` of the request, which must be one that is served."""
    query: dict[str, list[str]] = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = query.get("api-version", [])
    if len(given) == 1 and given[0] in API_VERSIONS:
        return given[0]
    supported = f"Supported: {', '.join(API_VERSIONS)}."
    if not given:
        message, code = f"The query parameter api-version is missing. {supported}", "MissingApiVersion"
    elif len(given) > 1:
        message, code = f"The query parameter api-version is given {len(given)} times.", "UnsupportedApiVersion"
    else:
        message, code = f"The api-version {given[-1][:60]!r} is not supported. {supported}", "UnsupportedApiVersion"
    raise Problem(400, message, code=code, param="api-version")


def prepare(scope: Scope, path: str, document: dict[str, Any], name: str) -> dict[str, Any]:
    """Check a body against the table and return what vLLM is to be asked, under the served model's name."""
    known = _without_extras(scope, path, document)
    for field in FIELDS[path]:
        if field.name not in known or (known[field.name] is None and not field.required):
            known.pop(field.name, None)
            if field.required:
                raise unprocessable((field.name,), "is required", None)
            continue
        fault = first_fault(known[field.name], field.schema, (field.name,))
        if fault is not None:
            raise unprocessable(fault.path, fault.message, fault.value)
    known["model"] = name
    return FOR_VLLM[path](known)


def unprocessable(path: tuple[str, ...], message: str, value: Any) -> Problem:
    """Return the 422 that says where the value lies and what it is."""
    where = ".".join(path)
    shown = value if isinstance(value, str) else "" if value is None else repr(value)
    return Problem(422, f"{where} {message}.", param=where, details={"loc": ["body", *path], "value": shown[:200]})


def _without_extras(scope: Scope, path: str, document: dict[str, Any]) -> dict[str, Any]:
    given = header(scope, b"extra-parameters")
    mode = EXTRA_MODES.get((given or "error").strip().lower())
    if mode is None:
        raise Problem(
            400,
            f"The header extra-parameters is {given!r:.60}; it may be error, drop or pass-through.",
            code="InvalidExtraParametersMode",
            param="extra-parameters",
        )
    version = check_version(scope)
    known = {field.name for field in FIELDS[path] if version in field.versions}
    extra = [name for name in document if name not in known]
    if extra and mode == "error":
        raise Problem(
            400,
            # Azure's own words, which litellm reads to send the request again without them.
            f"Extra parameters {extra} are not allowed when extra-parameters is not set or set to be 'error'. "
            "Set extra-parameters to 'pass-through' to pass to the model, or to 'drop'.",
            code="ExtraParametersNotAllowed",
            param=extra[0],
            details={"extra": extra},
        )
    return {name: value for name, value in document.items() if name in known or mode == "pass-through"}


def chat_for_vllm(body: dict[str, Any]) -> dict[str, Any]:
    """Say the same in vLLM's words."""
    if "audio" in body.pop("modalities", ()):
        raise unprocessable(("modalities",), "asks for audio, which this model does not produce", "audio")
    if body.get("top_p") == 0:
        body["top_p"] = 1e-6  # vLLM refuses the 0 that the documents allow; both leave the likeliest token alone
    if not body.get("tools") and body.get("tool_choice") in ("auto", "none"):
        del body["tool_choice"]  # they are the defaults without tools, which vLLM will not hear
    if "" in (body["stop"] if isinstance(body.get("stop"), list) else [body.get("stop")]):
        raise unprocessable(("stop",), "must not be empty", "")
    body["messages"] = [
        _message(message, ("messages", str(position))) for position, message in enumerate(body["messages"])
    ]
    return body


def _message(message: dict[str, Any], path: Path) -> dict[str, Any]:
    rewritten = {name: value for name, value in message.items() if value is not None}
    if "reasoning_content" in rewritten:
        rewritten["reasoning"] = rewritten.pop("reasoning_content")
    if isinstance(rewritten.get("content"), list):
        rewritten["content"] = [
            _part(part, (*path, "content", str(position))) for position, part in enumerate(rewritten["content"])
        ]
    if rewritten["role"] == "tool":
        rewritten.setdefault("content", "")
    return rewritten


def _part(part: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn the reference's `{"type": …, "content": …}` into the documents' form."""
    kind = {"image": "image_url"}.get(part["type"], part["type"])
    if kind in part:
        return {**part, "type": kind}
    if "content" not in part:
        raise unprocessable((*path, kind), "is required", None)
    if kind == "image_url":
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": kind, "image_url": {"url": part["content"], **detail}}
    return {"type": kind, kind: part["content"]}


FOR_VLLM: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "/chat/completions": chat_for_vllm,
    "/embeddings": embeddings_for_vllm,
    "/images/embeddings": image_embeddings_for_vllm,
}
