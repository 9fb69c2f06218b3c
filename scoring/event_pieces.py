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
        self._cut: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {}

    def quick(self, name: str, text: str, nulls: tuple[str, ...] = ()) -> str:
        """Return the event whose delta is `{name: text}`, and null under the names of `nulls`."""
        cut = self._cut.get((name, nulls))
        if cut is None:
            before, _, after = self.slow({name: MARK, **dict.fromkeys(nulls)}).partition(encode_basestring(MARK))
            cut = self._cut[name, nulls] = (before, after)
        return cut[0] + encode_basestring(text) + cut[1]

    def slow(self, delta: dict[str, Any]) -> str:
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


def only_text(delta: Any) -> tuple[str, tuple[str, ...]]:
    """Return the name of the one member that has text, and of those that are set to null; no name if there is more.

    An empty list of tool calls, which some parsers set beside the text, is not written by vLLM.
    """
    name, nulls = "", []
    for field in delta.__pydantic_fields_set__:
        value = getattr(delta, field)
        if value is None:
            nulls.append(field)
        elif field in TEXTS and not name:
            name = field
        elif field != "tool_calls" or value:
            return "", ()
    return (name, tuple(sorted(nulls))) if type(delta).__name__ == "DeltaMessage" else ("", ())
