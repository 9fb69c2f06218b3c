"""What one request may ask for, and how many may wait: ceilings that the environment may move."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from scoring.errors import BadSettings

PREFIX = "SCORING_"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Ceilings of one process; each is set by SCORING_ and its name in capitals."""

    max_body_bytes: int = 32 * MEBIBYTE
    max_json_depth: int = 64
    max_json_values: int = 1_000_000  # in a body: all of its values, of which tokens are the most
    max_json_containers: int = 100_000  # in a body: its objects and lists
    max_head_bytes: int = 64 * 1024  # of a request's line and headers; also of what follows a body in chunks
    head_seconds: int = 20  # within which a request's head must be here; 0: any time
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


def read_number(environ: Mapping[str, str], name: str, default: float, *, above_zero: bool = False) -> float:
    """Read a number that is not negative; raises `BadSettings` for any other text."""
    text = environ.get(name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if 0 <= value < float("inf") and (value or not above_zero):
        return value
    raise BadSettings(f"{name} is {text!r}", hint="write a number above 0" if above_zero else "write a number, e.g. 25")
