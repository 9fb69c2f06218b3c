"""A chunk of a streamed chat answer, as far as it is read."""

import msgspec


class Function(msgspec.Struct):
    """A piece of a call's function."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A piece of one of the calls."""

    index: int
    id: str | None = None
    function: Function = msgspec.field(default_factory=Function)


class Delta(msgspec.Struct):
    """What this chunk adds."""

    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None


class Choice(msgspec.Struct):
    """The one answer."""

    delta: Delta
    finish_reason: str | None = None
    logprobs: msgspec.Raw | None = None


class Error(msgspec.Struct):
    """What ends a stream before its time."""

    message: str = ""
    code: int | str | None = None


class Chunk(msgspec.Struct):
    """One event of the stream."""

    choices: list[Choice] = []
    usage: dict[str, object] | None = None
    error: Error | None = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
