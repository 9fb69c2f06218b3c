"""What one request may ask for, and how many may wait: ceilings that the environment may move."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from scoring.errors import BadSettings
from scoring.json_checks import first_unsendable, is_64_bit
from scoring.problems import Problem

PREFIX = "SCORING_"
MEBIBYTE = 1024 * 1024
READ = ("messages", "input", "prompt", "previous_input_messages")  # what the model reads of a request
MEDIA_KEYS = frozenset({"image_url", "audio_url", "video_url", "input_audio", "file_url", "image", "video"})


@dataclass(frozen=True)
class Limits:
    """Ceilings of one process; each is set by SCORING_ and its name in capitals."""

    max_body_bytes: int = 32 * MEBIBYTE
    max_json_depth: int = 64
    max_n: int = 16
    max_output_tokens: int = 0  # 0: as far as the model's context goes
    max_logprobs: int = 20
    max_stop_strings: int = 16
    max_inputs: int = 2048  # texts to embed, as many as OpenAI takes
    max_message_parts: int = 8192  # messages, the parts of their content and their tool calls
    max_tools: int = 512  # vLLM complains of each that it cannot read, 27 times
    max_grammar_bytes: int = 64 * 1024  # of a schema, a grammar or the tools that calls are bound to
    max_grammar_parts: int = 256  # objects in a schema, repetitions in a grammar: two seconds or so of compiling
    max_media_items: int = 16
    max_media_bytes: int = 16 * MEBIBYTE
    max_queued: int = -1  # requests that wait beyond those that run; -1: as many again, at least 8
    hang_seconds: int = 120  # without a step while requests wait, the engine counts as hung
    body_seconds: int = 60  # within which a request's body must be here; 0: any time
    max_reading_bytes: int = 256 * MEBIBYTE  # of all bodies that are not whole yet; at least one whole body
    stall_seconds: int = 60  # a client that takes nothing of its answer for so long is given up; 0: never


def read_limits(environ: Mapping[str, str]) -> Limits:
    """Read the ceilings that are set."""
    given: dict[str, int] = {}
    for field in fields(Limits):
        text = environ.get(PREFIX + field.name.upper())
        if not text:
            continue
        if not text.isdecimal():
            raise BadSettings(f"{PREFIX}{field.name.upper()} is {text!r}", hint="write a whole number")
        given[field.name] = int(text)
    return Limits(**given)


def parse_body(body: bytes, limits: Limits) -> dict[str, Any]:
    """Parse a request body: one JSON object, no deeper than allowed, without NaN and what the engine cannot be sent."""
    huge = False

    def integer(digits: str) -> int:
        nonlocal huge
        value = int(digits)
        huge = huge or not is_64_bit(value)
        return value

    try:
        text = body.decode(json.detect_encoding(body))
        document = json.loads(text, parse_constant=_refuse_constant, parse_int=integer)
    except RecursionError as error:
        raise _too_deep(limits) from error
    except ValueError as error:
        # Python's own words name a function that the client cannot call.
        reason = "an integer has too many digits" if "set_int_max_str_digits" in str(error) else error
        raise Problem(400, f"The body is not valid JSON: {reason}.") from error
    if not isinstance(document, dict):
        raise Problem(400, "The body must be a JSON object.")
    if body.count(b"[") + body.count(b"{") > limits.max_json_depth and _depth(document) > limits.max_json_depth:
        raise _too_deep(limits)
    if huge or "\\u" in text:
        _check_sendable(document)
    return document


def _check_sendable(document: dict[str, Any]) -> None:
    fault = first_unsendable(document)
    if fault is not None:
        path = [name.encode("ascii", "backslashreplace").decode() for name in fault.path]
        where, value = ".".join(path), repr(fault.value)[:200]
        raise Problem(
            422,
            f"{where or 'The name of a field'} {fault.message}: {value:.60}.",
            param=where or None,
            details={"loc": ["body", *path], "value": value},
        )


def _too_deep(limits: Limits) -> Problem:
    return Problem(422, f"The body is nested deeper than {limits.max_json_depth} levels.")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    return depth


def _children(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node


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
