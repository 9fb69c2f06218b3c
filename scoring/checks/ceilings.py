"""Refuses a request that asks for more than one may."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring.problems import Problem
from scoring.settings.limits import Limits

READ = ("messages", "input", "prompt", "previous_input_messages")  # what the model reads of a request
MEDIA_KEYS = frozenset({"image_url", "audio_url", "video_url", "input_audio", "file_url", "image", "video"})
LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "min_tokens")


@dataclass
class Reading:
    """What the model is to read of a request: the media, and how many messages and parts of messages."""

    media: list[Any] = field(default_factory=list)
    parts: int = 0


def survey(document: Mapping[str, Any]) -> Reading:
    """Walk once through what the model is to read, however deep a message hides it."""
    found = Reading()
    level: list[Any] = [document[name] for name in READ if isinstance(document.get(name), dict | list)]
    while level:
        node = level.pop()
        if isinstance(node, list):
            items = [item for item in node if not isinstance(item, int)]  # tokens are no parts
            found.parts += len(items)
            level.extend(item for item in items if isinstance(item, dict | list))
            continue
        for key, value in node.items():
            if key in MEDIA_KEYS and isinstance(value, str | dict):
                found.media.append(value.get("url", value.get("data")) if isinstance(value, dict) else value)
            if isinstance(value, dict | list):
                level.append(value)
    return found


def check_ceilings(document: Mapping[str, Any], reading: Reading, limits: Limits) -> None:
    """Raise `Problem` (422) for a request beyond a ceiling; wrong types are left to the surface's own checks."""
    for name in ("n", "best_of"):
        _at_most(document, name, limits.max_n)
    for name in ("logprobs", "top_logprobs", "prompt_logprobs"):
        _at_most(document, name, limits.max_logprobs)
    if limits.max_output_tokens:
        for name in LENGTHS:
            _at_most(document, name, limits.max_output_tokens)
    stop = document.get("stop")
    if isinstance(stop, list) and len(stop) > limits.max_stop_strings:
        raise Problem(422, f"stop may hold at most {limits.max_stop_strings} strings.", param="stop")
    prompts = document.get("prompt")
    if isinstance(prompts, list) and len(prompts) > limits.max_n and not all(isinstance(p, int) for p in prompts):
        raise Problem(422, f"prompt may hold at most {limits.max_n} prompts.", param="prompt")
    inputs = document.get("input")
    if isinstance(inputs, list) and _count_inputs(inputs) > limits.max_inputs:
        raise Problem(422, f"input may hold at most {limits.max_inputs} inputs.", param="input")
    if reading.parts > limits.max_message_parts:
        raise Problem(422, f"A request may hold at most {limits.max_message_parts} messages and parts of messages.")
    tools = document.get("tools")
    if isinstance(tools, list) and len(tools) > limits.max_tools:
        raise Problem(422, f"tools may hold at most {limits.max_tools} tools.", param="tools")
    if len(reading.media) > limits.max_media_items:
        raise Problem(422, f"A request may hold at most {limits.max_media_items} images or other media.")


def check_length(document: Mapping[str, Any], context: int) -> None:
    """Raise `Problem` (400) for more tokens than the model's `context` holds, whatever the prompt leaves of it."""
    for name in LENGTHS:
        value = document.get(name)
        if _number(value) > context:
            raise Problem(
                400,
                f"This model's maximum context length is {context} tokens, prompt and answer together; "
                f"{name} is {value!s:.40}.",
                param=name,
                details={"loc": ["body", name], "value": f"{value!s:.40}"},
            )


def check_tokens(document: Mapping[str, Any]) -> None:
    """Raise `Problem` (400) for true and false among texts and tokens: vLLM takes them for the tokens 1 and 0."""
    for name in ("prompt", "input"):
        given = document.get(name)
        for path, items in _token_lists(given, name):
            place = next((at for at, item in enumerate(items) if item is True or item is False), None)
            if place is not None:
                where, value = f"{path}.{place}", str(items[place]).lower()
                raise Problem(400, f"{where} must be a text, a token or a list of tokens: {value}.", param=where)


def _token_lists(given: Any, name: str) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(given, list):
        yield name, given
        for at, item in enumerate(given):
            if isinstance(item, list):
                yield f"{name}.{at}", item


def _count_inputs(inputs: list[Any]) -> int:
    """Count texts and lists of tokens: messages are counted with their parts, tokens are one input together."""
    return sum(isinstance(item, str | list) for item in inputs)


def _at_most(document: Mapping[str, Any], name: str, ceiling: int) -> None:
    value = document.get(name)
    if _number(value) > ceiling:
        raise Problem(
            422,
            f"{name} is {value!s:.40}; at most {ceiling} is allowed.",
            param=name,
            details={"loc": ["body", name], "value": str(value)[:200]},
        )


def _number(value: Any) -> float:
    """Read a number as vLLM's models do, digits in a string too; 0 for what they will refuse."""
    if value is None or isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0
