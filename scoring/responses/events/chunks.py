"""A chunk of a streamed chat answer, as far as it is read."""

import msgspec


class Function(msgspec.Struct):
    """A piece of a call's function."""

    name: str | None = None
    arguments: str | None = None


class CallPiece(msgspec.Struct):
    """A piece of one of the calls."""

    index: int = 0
    id: str | None = None
    function: Function = msgspec.field(default_factory=Function)


class Delta(msgspec.Struct):
    """What this chunk adds."""

    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None


class TopLogprob(msgspec.Struct):
    """One of the tokens that were likely at a place."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(msgspec.Struct):
    """The token at a place, and those that were likely there."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] = []


class Logprobs(msgspec.Struct):
    """Log probabilities of the tokens of a chunk."""

    content: list[TokenLogprob] | None = None


class Choice(msgspec.Struct):
    """The one answer."""

    delta: Delta = msgspec.field(default_factory=Delta)
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class PromptDetails(msgspec.Struct):
    """How much of the prompt was known already."""

    cached_tokens: int | None = None
    created_cache_tokens: int | None = None


class CompletionDetails(msgspec.Struct):
    """How much of the answer is reasoning."""

    reasoning_tokens: int | None = None


class ChatUsage(msgspec.Struct):
    """Tokens so far, of the last chunk or of each."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Error(msgspec.Struct):
    """What ends a stream before its time."""

    message: str = ""
    code: int | str | None = None
    param: str | None = None


class Chunk(msgspec.Struct):
    """One event of the stream."""

    choices: list[Choice] = []
    usage: ChatUsage | None = None
    error: Error | None = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
