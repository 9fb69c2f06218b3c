"""Looks for a request's `stop` strings only after the model's reasoning.

vLLM looks for them in all that a model says: one that the reasoning happens to hold ends the answer there, with
`content: null` and the finish_reason `stop` (vllm#53066, vllm#52393). Not mended upstream as of 0.33.
"""

import importlib
import json
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MARK = "stops_after_reasoning"  # among the extra arguments of a request, which the engine passes over
NEVER = 1 << 60  # tokens


@dataclass(frozen=True)
class Scope:
    """Where a parser's reasoning is: the texts that end it, and the tokens that tell whether a prompt is within it.

    A prompt is read from its end to the first of these tokens; where there is none up to a turn's beginning, `begins`
    says whether an answer begins with reasoning.
    """

    ends: list[str]
    end_ids: list[int]
    start_ids: list[int]
    turn_ids: list[int]
    begins: bool = True

    def holds(self, prompt: Sequence[int]) -> bool:
        """Whether the answer to this prompt begins within the reasoning."""
        for token in reversed(prompt):
            if token in self.end_ids:
                return False
            if token in self.start_ids:
                return True
            if token in self.turn_ids:
                break
        return self.begins


def install(vllm: Any, parsed: Namespace) -> None:
    """Register the chosen parser under its own name so that it marks requests with `stop` strings."""
    name = parsed.reasoning_parser
    parser = vllm.reasoning_parsers.get_reasoning_parser(name) if name else None
    if parser is not None:
        vllm.reasoning_parsers.register_module(name, module=parser_class(parser))


def parser_class(base: Any) -> Any:
    """Return the parser, changed to mark such requests."""

    class ReasoningParser(base):  # type: ignore[misc]
        def adjust_request(self, request: Any) -> Any:
            request = super().adjust_request(request)
            scope = scope_of(self) if getattr(request, "stop", None) else None
            if scope is not None:
                request.vllm_xargs = {**(request.vllm_xargs or {}), MARK: json.dumps(asdict(scope))}
            return request

    return ReasoningParser


def scope_of(parser: Any) -> Scope | None:
    """Return where the parser finds reasoning; None where that cannot be told from tokens."""
    config = getattr(getattr(parser, "_parser_engine", None), "parser_engine_config", None)
    if config is None:
        known = hasattr(parser, "start_token_id") and hasattr(parser, "end_token_id")  # `BaseThinkingReasoningParser`
        return Scope([parser.end_token], [parser.end_token_id], [parser.start_token_id], []) if known else None
    within = importlib.import_module("vllm.parser.engine.parser_engine_config").ParserState.REASONING
    if config.initial_state is not within:
        return None
    names = [
        name for (state, name), step in config.transitions.items() if state is within and step.next_state != within
    ]
    ends = [literal for name in names if (literal := config.terminal_literal(name))]

    def ids(texts: Iterable[str]) -> list[int]:
        return [parser.vocab[text] for text in texts if text in parser.vocab]

    return Scope(ends, ids(ends), ids([parser.reasoning_start_str]), ids(config.turn_boundary_tokens))


def watch(client: Any) -> None:
    """Have vLLM's client read the marked requests' answers so."""
    processor = client.output_processor
    add = processor.add_request

    def added(request: Any, *arguments: Any, **named: Any) -> None:
        add(request, *arguments, **named)
        mark = (getattr(request.sampling_params, "extra_args", None) or {}).get(MARK)
        if mark is not None and (scope := Scope(**json.loads(mark))).holds(request.prompt_token_ids or ()):
            _look_later(processor.request_states[request.request_id].detokenizer, scope.ends)

    processor.add_request = added


def _look_later(detokenizer: Any, ends: Sequence[str]) -> None:
    """Have a request's detokenizer look for `stop` strings only after one of the ends."""
    update, least = detokenizer.update, detokenizer.min_tokens
    detokenizer.min_tokens = NEVER  # vLLM looks for them in what comes after so many tokens
    longest = max(map(len, ends))

    def updated(new_token_ids: Sequence[int], stop_terminated: bool) -> str | None:
        for number, token in enumerate(new_token_ids, 1):
            before = max(0, len(detokenizer.output_text) - longest + 1)
            update([token], stop_terminated and number == len(new_token_ids))
            if any(end in detokenizer.output_text[before:] for end in ends):
                detokenizer.min_tokens = max(least, detokenizer.num_output_tokens())
                detokenizer.update = update
                stop: str | None = update(new_token_ids[number:], stop_terminated)
                return stop
        return None

    detokenizer.update = updated
