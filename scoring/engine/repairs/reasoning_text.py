"""Ends the reasoning of a model at the same place in streams and in whole answers.

vLLM's parsers of models that begin with their reasoning (`qwen3` and its like) go by tokens in a stream and by text in
a whole answer: a second `</think>` is told in one form and swallowed in the other, even within the arguments of a call,
and an end or a beginning that the model spells in several tokens counts in one form only. Here the text decides: the
first end ends the reasoning, further ones right behind it are left out, and the rest is passed on as it is.
Not mended upstream as of 0.33.
"""

import importlib
import re
from argparse import Namespace
from collections.abc import Callable
from typing import Any


def install(vllm: Any, parsed: Namespace) -> None:
    """Register the chosen parser with our reading under its own name, if it is one of vLLM's of this kind."""
    name = parsed.reasoning_parser
    parser = vllm.reasoning_parsers.get_reasoning_parser(name) if name else None
    adapter = importlib.import_module("vllm.parser.engine.adapters").ParserEngineReasoningAdapter
    if isinstance(parser, type) and issubclass(parser, adapter):
        vllm.reasoning_parsers.register_module(name, module=parser_class(parser))


def parser_class(base: Any) -> Any:
    """Return vLLM's parser with another way of reading."""
    protocol = importlib.import_module("vllm.entrypoints.generate.base.protocol")
    states = importlib.import_module("vllm.parser.engine.parser_engine_config").ParserState

    class ReasoningParser(base):  # type: ignore[misc]
        def __init__(self, tokenizer: Any, *arguments: Any, **named: Any) -> None:
            super().__init__(tokenizer, *arguments, **named)
            self._another: Callable[[], Any] = lambda: type(self)(tokenizer, *arguments, **named)
            config = self._parser_engine.parser_engine_config
            self._begins = config.initial_state is states.REASONING and self.reasoning_end_str is not None
            self._prompt: list[int] | None = None
            self._ended = self._done = False  # its end has been read; its content has begun
            self._held = ""  # what follows the end, as long as that is white space or another end
            self._reasoning: str | None = None  # what has been read of it; None where there is none to read
            last = "".join({literal[-1] for literal in config.terminal_literals})
            self._cuts = re.compile(f"(?<=[{re.escape(last)}])")

        def set_prompt_token_ids(self, prompt_token_ids: Any) -> None:
            if hasattr(base, "set_prompt_token_ids"):  # since 0.33
                super().set_prompt_token_ids(prompt_token_ids)
            self._prompt = list(prompt_token_ids)

        def extract_reasoning(self, model_output: str, request: Any) -> tuple[str | None, str | None]:
            if not self._begins:
                whole: tuple[str | None, str | None] = super().extract_reasoning(model_output, request)
                return whole
            if self._prompt is not None and self.is_reasoning_end(self._prompt):
                return None, model_output or None
            reader = self._another()
            parts = [reader.read(model_output)]
            if not reader.has_engine_confirmed_reasoning_end():
                parts.append(reader.finish_streaming())
            said = _joined(protocol, parts)
            self._reasoning = (said and said.reasoning) or ""
            return self._reasoning or None, (said and said.content) or None

        def extract_reasoning_streaming(self, previous_text: str, current_text: str, delta_text: str, *ids: Any) -> Any:
            if self._begins:
                said = self.read(delta_text)
                self._reasoning = (self._reasoning or "") + ((said and said.reasoning) or "")
                return said
            return super().extract_reasoning_streaming(previous_text, current_text, delta_text, *ids)

        def has_engine_confirmed_reasoning_end(self) -> bool:
            return self._done if self._begins else bool(super().has_engine_confirmed_reasoning_end())

        def finish_streaming(self) -> Any:
            held, self._held = self._held, ""
            parts = [] if self._ended else [super().finish_streaming()]
            return _joined(protocol, [*parts, protocol.DeltaMessage(content=held)])

        def read(self, text: str) -> Any:
            """Read on, by the text alone; what follows the end of the reasoning is content."""
            parts = []
            for piece in self._cuts.split(text):
                if self._ended:
                    self._held += piece
                    continue
                parts.append(super().extract_reasoning_streaming("", "", piece, (), (), ()))
                if super().has_engine_confirmed_reasoning_end():
                    parts.append(super().finish_streaming())
                    self._ended = True
                    self._held = "".join(part.content or "" for part in parts if part is not None)
            said = _joined(protocol, parts)
            content = self._let_go() if self._ended else ""
            return _joined(protocol, [protocol.DeltaMessage(reasoning=said and said.reasoning, content=content)])

        def _let_go(self) -> str:
            """Return what has been held back behind the end if content has begun: models say their end repeatedly."""
            end = self.reasoning_end_str
            while (begun := self._held.lstrip()).startswith(end):
                self._held = begun[len(end) :]
            if end.startswith(begun):  # also if there is nothing yet
                return ""
            self._done = True
            content, self._held = self._held, ""
            return content

        def count_reasoning_tokens(self, token_ids: Any) -> int:
            if not self._begins:
                return int(super().count_reasoning_tokens(token_ids))
            end = self.find_reasoning_end(token_ids) if self._reasoning else None
            if end is None:
                return 0
            if end.offset == len(token_ids):  # there is no end, or one that is no token
                return min(len(token_ids), len(self.model_tokenizer.encode(self._reasoning, add_special_tokens=False)))
            return int(end.offset - list(token_ids[: end.offset]).count(self.vocab.get(self.reasoning_start_str)))

    return ReasoningParser


def _joined(protocol: Any, parts: list[Any]) -> Any:
    """Return one message of several; None if there is nothing in it."""
    reasoning = "".join(part.reasoning or "" for part in parts if part is not None)
    content = "".join(part.content or "" for part in parts if part is not None)
    if not reasoning and not content:
        return None
    said = {name: text for name, text in (("reasoning", reasoning), ("content", content)) if text}
    return protocol.DeltaMessage(**said)
