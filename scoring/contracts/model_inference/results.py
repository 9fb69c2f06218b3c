"""What the Azure AI Model Inference API answers, as /openapi.json describes it; the bytes are vLLM's, rewritten."""

from typing import Any, Literal

from pydantic import BaseModel


class ResultToolCall(BaseModel):
    """A call that the model makes."""

    class Function(BaseModel):
        """The function with its arguments as JSON."""

        name: str
        arguments: str

    id: str
    type: Literal["function"]
    function: Function


class ResultAudio(BaseModel):
    """An answer in sound."""

    id: str
    expires_at: int
    data: str
    format: str | None = None
    transcript: str


class ResultMessage(BaseModel):
    """What the model says."""

    role: str
    content: str | None
    reasoning_content: str | None = None
    tool_calls: list[ResultToolCall] | None = None
    audio: ResultAudio | None = None


class ResultChoice(BaseModel):
    """One answer."""

    index: int
    finish_reason: str | None
    message: ResultMessage


class CompletionDetails(BaseModel):
    """How the tokens of an answer divide."""

    audio_tokens: int
    reasoning_tokens: int
    total_tokens: int


class PromptDetails(BaseModel):
    """How the tokens of a prompt divide."""

    audio_tokens: int
    cached_tokens: int


class ChatUsage(BaseModel):
    """How many tokens a chat took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionDetails | None = None
    prompt_tokens_details: PromptDetails | None = None


class ChatResult(BaseModel):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ResultChoice]
    usage: ChatUsage
    system_fingerprint: str | None = None


class EmbeddingItem(BaseModel):
    """One vector: numbers, or base64 of 32-bit floats."""

    index: int
    object: Literal["embedding"]
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    """How many tokens the inputs had."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResult(BaseModel):
    """Vectors in the order of the inputs."""

    id: str
    object: Literal["list"]
    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingsUsage


class ModelInfo(BaseModel):
    """What /info says of the model."""

    model_name: str
    model_type: Literal["embeddings", "chat-completion"]
    model_provider_name: str


class ErrorResult(BaseModel):
    """The nested error object, with the reference's flat fields beside it."""

    class Error(BaseModel):
        """What went wrong."""

        code: str
        message: str
        target: str | None = None
        details: list[dict[str, Any]] | None = None
        innererror: dict[str, Any] | None = None

    class Detail(BaseModel):
        """Where the value at fault lies, and what it is."""

        loc: list[str]
        value: str

    error: Error
    status: int | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    detail: Detail | None = None
