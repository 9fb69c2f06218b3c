"""What the Azure AI Model Inference API knows: one table, read by validation, by /openapi.json and by the tests.

Sources: the reference "Chat Completions | Azure AI Foundry" (2024-05-01-preview) and the stable document 2025-04-01.
Where they differ the wider one counts: `temperature` has no upper bound, `stop` may be a string, null means absent.
"""

from dataclasses import dataclass
from typing import Any

VERSION_2024_04 = "2024-04-01-preview"  # the reference's own example sends it
VERSION_2024_05 = "2024-05-01-preview"
VERSION_2025_04 = "2025-04-01"
API_VERSIONS = (VERSION_2024_04, VERSION_2024_05, VERSION_2025_04)


@dataclass(frozen=True)
class Field:
    """One member of a request body; null is taken as absent unless it is required."""

    name: str
    schema: dict[str, Any]
    required: bool = False
    versions: tuple[str, ...] = API_VERSIONS


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _object(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, **more}


def _one_of(name: str, *branches: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "oneOf": list(branches), "discriminator": {"propertyName": name}}


NUMBER = {"type": "number"}
OBJECT = {"type": "object"}
IMAGE_URL = _object(("url",), url=_text(), detail=_choice("auto", "low", "high"))

# The reference calls a part's payload `content`, the documents name it after the part's type: both are understood.
CONTENT_PARTS = _list(
    _one_of(
        "type",
        _object(("type",), type=_choice("text"), text=_text(), content=_text()),
        _object(("type",), type=_choice("image_url", "image"), image_url=IMAGE_URL, content=_text(), detail=_text()),
        _object(("type",), type=_choice("audio_url"), audio_url=_object(("url",), url=_text())),
        _object(
            ("type",),
            type=_choice("input_audio"),
            input_audio=_object(("data", "format"), data=_text(), format=_choice("wav", "mp3")),
        ),
    ),
    minItems=1,
)
CONTENT = {"anyOf": [_text(), CONTENT_PARTS]}
OPTIONAL_CONTENT = {"anyOf": [_text(), CONTENT_PARTS, {"type": "null"}]}
TOOL_CALLS = {
    "type": ["array", "null"],
    "items": _object(
        ("id", "type", "function"),
        id=_text(),
        type=_choice("function"),
        function=_object(("name", "arguments"), name=_text(), arguments=_text()),
    ),
}
MESSAGE = _one_of(
    "role",
    _object(("role", "content"), role=_choice("system", "developer"), content=CONTENT),
    _object(("role", "content"), role=_choice("user"), content=CONTENT),
    _object(
        ("role",),
        role=_choice("assistant"),
        content=OPTIONAL_CONTENT,
        tool_calls=TOOL_CALLS,
        reasoning_content={"type": ["string", "null"]},
        audio={**_object(("id",), id=_text()), "type": ["object", "null"]},
    ),
    _object(("role", "tool_call_id"), role=_choice("tool"), tool_call_id=_text(), content=OPTIONAL_CONTENT),
)
FUNCTION = _object(("name",), name=_text(), description={"type": ["string", "null"]}, parameters=OBJECT)
TOOL = _object(("type", "function"), type=_choice("function"), function=FUNCTION)
TOOL_CHOICE = {
    "anyOf": [
        _choice("auto", "none", "required"),
        _object(("type", "function"), type=_choice("function"), function=_object(("name",), name=_text())),
    ]
}
JSON_SCHEMA = _object(
    ("name", "schema"), name=_text(), schema=OBJECT, description=_text(), strict={"type": ["boolean", "null"]}
)
RESPONSE_FORMAT = _one_of(
    "type",
    _object(("type",), type=_choice("text")),
    _object(("type",), type=_choice("json_object")),
    _object(("type", "json_schema"), type=_choice("json_schema"), json_schema=JSON_SCHEMA),
)
PENALTY = {"type": "number", "minimum": -2, "maximum": 2}

CHAT_FIELDS = (
    Field("messages", _list(MESSAGE, minItems=1), required=True),
    Field("model", _text()),
    Field("frequency_penalty", PENALTY),
    Field("presence_penalty", PENALTY),
    Field("temperature", {"type": "number", "minimum": 0}),
    Field("top_p", {"type": "number", "minimum": 0, "maximum": 1}),
    Field("max_tokens", {"type": "integer", "minimum": 0}),
    Field("response_format", RESPONSE_FORMAT),
    Field("seed", {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}),
    Field("stop", {"anyOf": [_text(), _list(_text(), minItems=1)]}),
    Field("stream", {"type": "boolean"}),
    Field("tools", _list(TOOL, minItems=1)),
    Field("tool_choice", TOOL_CHOICE),
    Field("modalities", _list(_choice("text", "audio"))),
)
ENCODING = _choice("float", "base64", "binary", "int8", "uint8", "ubinary")
INPUT_TYPE = _choice("text", "query", "document")
EMBEDDING_FIELDS = (
    Field("input", {"anyOf": [_text(), _list(_text(), minItems=1)]}, required=True),
    Field("model", _text()),
    Field("dimensions", {"type": "integer", "minimum": 1}),
    Field("encoding_format", ENCODING),
    Field("input_type", INPUT_TYPE),
)
IMAGE_INPUT = _object(("image",), image=_text(), text={"type": ["string", "null"]})
IMAGE_EMBEDDING_FIELDS = (
    Field("input", _list(IMAGE_INPUT, minItems=1), required=True),
    Field("model", _text()),
    Field("dimensions", {"type": "integer", "minimum": 1}),
    Field("encoding_format", ENCODING),
    Field("input_type", INPUT_TYPE),
)
FIELDS = {
    "/chat/completions": CHAT_FIELDS,
    "/embeddings": EMBEDDING_FIELDS,
    "/images/embeddings": IMAGE_EMBEDDING_FIELDS,
}


def request_schema(path: str) -> dict[str, Any]:
    """Return the JSON Schema of a route's request body, as the table has it."""
    fields = FIELDS[path]
    return {
        "type": "object",
        "properties": {field.name: field.schema for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": True,
    }
