"""Events of a streamed chat completion that carry nothing but text, cut from what vLLM's own classes write."""

import json
from json.encoder import encode_basestring  # what json.dumps(ensure_ascii=False) uses
from typing import Any

TEXTS = ("content", "reasoning")
MARK = "\u241fgatelift\u241f"


class Pieces:
    """The template of one stream."""

    def __init__(self, module: Any, request_id: str, model_name: str, created: int) -> None:
        self._module = module
        self._members = {"id": request_id, "object": "chat.completion.chunk", "created": created, "model": model_name}
        self._cut: dict[str, tuple[str, str]] = {}

    def quick(self, name: str, text: str) -> str:
        """Return the event whose delta is `{name: text}`."""
        cut = self._cut.get(name)
        if cut is None:
            before, _, after = self.slow({name: MARK}).partition(encode_basestring(MARK))
            cut = self._cut[name] = (before, after)
        return cut[0] + encode_basestring(text) + cut[1]

    def slow(self, delta: dict[str, str]) -> str:
        """Return the same event as vLLM's generator makes it."""
        choice = self._module.ChatCompletionResponseStreamChoice(
            index=0, delta=self._module.DeltaMessage(**delta), logprobs=None, finish_reason=None, token_ids=None
        )
        chunk = self._module.ChatCompletionStreamResponse(choices=[choice], **self._members)
        return f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n"


def pieces_after(first_event: str, module: Any, names: tuple[str, str]) -> Pieces | None:
    """Return the template of the stream that has begun with this event."""
    try:
        created = json.loads(first_event.removeprefix("data: "))["created"]
    except (ValueError, KeyError, TypeError):
        return None  # an error: there is nothing to imitate
    return Pieces(module, *names, created)


def only_text(delta: Any) -> str:
    """Return the name of the one member that is set, if it is text."""
    fields = delta.__pydantic_fields_set__
    if len(fields) == 1 and type(delta).__name__ == "DeltaMessage":
        (name,) = fields
        if name in TEXTS and getattr(delta, name) is not None:
            return str(name)
    return ""
