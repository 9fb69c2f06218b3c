"""Refuses a request that asks for more than one may."""

from collections.abc import Iterator, Mapping
from typing import Any

from scoring.problems import Problem
from scoring.settings.limits import Limits

READ = ("messages", "input", "prompt", "previous_input_messages")  # what the model reads of a request
MEDIA_KEYS = frozenset({"image_url", "audio_url", "video_url", "input_audio", "file_url", "image", "video"})


def check_ceilings(document: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a request that asks for more than one may; wrong types are left to the surface's own checks."""
    for name in ("n", "best_of"):
        _at_most(document, name, limits.max_n)
    for name in ("logprobs", "top_logprobs", "prompt_logprobs"):
        _at_most(document, name, limits.max_logprobs)
    if limits.max_output_tokens:
        for name in ("max_tokens", "max_completion_tokens", "max_output_tokens", "min_tokens"):
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
    if _count_parts(document) > limits.max_message_parts:
        raise Problem(422, f"A request may hold at most {limits.max_message_parts} messages and parts of messages.")
    tools = document.get("tools")
    if isinstance(tools, list) and len(tools) > limits.max_tools:
        raise Problem(422, f"tools may hold at most {limits.max_tools} tools.", param="tools")
    media = sum(1 for _ in media_items(document))
    if media > limits.max_media_items:
        raise Problem(422, f"A request may hold at most {limits.max_media_items} images or other media.")


def _count_inputs(inputs: list[Any]) -> int:
    """Count texts and lists of tokens: messages are counted with their parts, tokens are one input together."""
    return sum(isinstance(item, str | list) for item in inputs)


def _count_parts(document: Mapping[str, Any]) -> int:
    found, level = 0, [document.get(name) for name in READ]
    while level:
        node = level.pop()
        if isinstance(node, list):
            items = [item for item in node if not isinstance(item, int)]  # tokens are no parts
            found += len(items)
            level.extend(items)
        elif isinstance(node, dict):
            level.extend(value for value in node.values() if isinstance(value, dict | list))
    return found


def _at_most(document: Mapping[str, Any], name: str, ceiling: int) -> None:
    value = document.get(name)
    if _number(value) > ceiling:
        raise Problem(
            422,
            f"{name} is {value}; at most {ceiling} is allowed.",
            param=name,
            details={"loc": ["body", name], "value": str(value)},
        )


def _number(value: Any) -> float:
    """Read a number as vLLM's models do, digits in a string too; 0 for what they will refuse."""
    if isinstance(value, bool):
        return 0
    try:
        return value if isinstance(value, int) else float(value)
    except (TypeError, ValueError):
        return 0


def media_items(document: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what every content part names as its medium, however deep it lies in what the model is to read."""
    level: list[Any] = [document.get(name) for name in READ]
    while level:
        node = level.pop()
        if isinstance(node, list):
            level.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in MEDIA_KEYS and isinstance(value, str | dict):
                    yield value.get("url", value.get("data")) if isinstance(value, dict) else value
                if isinstance(value, dict | list):
                    level.append(value)
