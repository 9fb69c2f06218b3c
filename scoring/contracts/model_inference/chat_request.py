"""What Azure's `/chat/completions` takes, and the same in vLLM's words."""

from typing import Annotated, Any, Literal

from pydantic import Field

from scoring.contracts.model_inference.request_model import AtLeastOne, Document, RequestModel, unprocessable

Place = tuple[str, ...]


class ImageUrl(RequestModel):
    """Where an image is: a data URL, or one of a host that is allowed."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class AudioUrl(RequestModel):
    """Where a recording is."""

    url: str


class Recording(RequestModel):
    """A recording itself, in base64."""

    data: str
    format: Literal["wav", "mp3"]


# The reference calls a part's payload `content`, the documents name it after the part's type: both are understood.
class TextPart(RequestModel):
    """A text within a message."""

    type: Literal["text"]
    text: str | None = None
    content: str | None = None


class ImagePart(RequestModel):
    """An image within a message."""

    type: Literal["image_url", "image"]
    image_url: ImageUrl | None = None
    content: str | None = None
    detail: str | None = None


class AudioUrlPart(RequestModel):
    """The address of a recording within a message."""

    type: Literal["audio_url"]
    audio_url: AudioUrl | None = None


class InputAudioPart(RequestModel):
    """A recording within a message."""

    type: Literal["input_audio"]
    input_audio: Recording | None = None


Part = Annotated[TextPart | ImagePart | AudioUrlPart | InputAudioPart, Field(discriminator="type")]
Content = str | AtLeastOne[Part]


class CalledFunction(RequestModel):
    """The function that a model has called, with its arguments as JSON."""

    name: str
    arguments: str


class CallMade(RequestModel):
    """A call that a model has made."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class AudioReference(RequestModel):
    """An earlier answer in sound."""

    id: str


class SystemMessage(RequestModel):
    """What the model is told to be."""

    role: Literal["system", "developer"]
    content: Content


class UserMessage(RequestModel):
    """What a person says."""

    role: Literal["user"]
    content: Content


class AssistantMessage(RequestModel):
    """What the model has said before; `reasoning_content` as its answer had it."""

    role: Literal["assistant"]
    content: Content | None = None
    tool_calls: list[CallMade] | None = None
    reasoning_content: str | None = None
    audio: AudioReference | None = None


class ToolMessage(RequestModel):
    """What a tool has answered."""

    role: Literal["tool"]
    tool_call_id: str
    content: Content | None = None


Message = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class Function(RequestModel):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(RequestModel):
    """A tool that the model may use."""

    type: Literal["function"]
    function: Function


class NamedFunction(RequestModel):
    """The name of a function."""

    name: str


class NamedTool(RequestModel):
    """The tool that the model must use."""

    type: Literal["function"]
    function: NamedFunction


class TextFormat(RequestModel):
    """Any text."""

    type: Literal["text"]


class JsonObjectFormat(RequestModel):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(RequestModel):
    """A JSON Schema with its name."""

    name: str
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormat(RequestModel):
    """JSON by a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


ResponseFormat = Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class ChatRequest(RequestModel):
    """A chat to go on with."""

    messages: AtLeastOne[Message]
    model: str | None = Field(None, description="Not read: the server has one chat model.")
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    response_format: ResponseFormat | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: str | AtLeastOne[str] | None = None
    stream: bool | None = None
    tools: AtLeastOne[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    modalities: Annotated[list[Literal["text", "audio"]], Field(fail_fast=True)] | None = None


def chat_for_vllm(body: Document) -> Document:
    """Say the same in vLLM's words, of a checked body without null members; raises `Problem` (422)."""
    body = dict(body)
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


def _message(message: Document, place: Place) -> Document:
    rewritten = {name: value for name, value in message.items() if value is not None}
    if "reasoning_content" in rewritten:
        rewritten["reasoning"] = rewritten.pop("reasoning_content")
    if isinstance(rewritten.get("content"), list):
        rewritten["content"] = [
            _part(part, (*place, "content", str(position))) for position, part in enumerate(rewritten["content"])
        ]
    if rewritten["role"] == "tool":
        rewritten.setdefault("content", "")
    return rewritten


def _part(part: Document, place: Place) -> Document:
    """Turn the reference's `{"type": …, "content": …}` into the documents' form."""
    kind = "image_url" if part["type"] == "image" else str(part["type"])
    if part.get(kind) is not None:
        return {**part, "type": kind}
    if part.get("content") is None:
        raise unprocessable((*place, kind), "is required", None)
    if kind == "image_url":
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": kind, "image_url": {"url": part["content"], **detail}}
    return {"type": kind, kind: part["content"]}
