"""vLLM's parser of one stream as its generator sees it, and the pieces of text that need not go through it.

A parser that handed all of a piece on as content (or as reasoning) does so with the next piece, too, unless that has a
character or a token with which one of its marks may begin. Such a piece can be written as it is. The parser gets all
that it has missed in one call before the next piece that it must look at: vLLM itself calls it so for a stream that is
behind.
"""

import functools
import importlib
from collections.abc import Callable, Container
from typing import Any, NamedTuple

from scoring.event_pieces import only_text
from scoring.source_hash import is_known

# vLLM's DelegatingParser, Hermes2ProToolParser, qwen3_config, Qwen3Parser, ParserEngineReasoningAdapter, ParserEngine,
# StreamingParserEngine and IncrementalLexer, by a hash of their source: 0.32.0.
KNOWN_PARSERS = frozenset(
    {
        (
            "056406c91f8cb9e2",
            "df0984e45bc8f0fe",
            "979fbe2354102e68",
            "8d2ea512527f3ca0",
            "b50cb4f541c45b14",
            "d1ced48ea838b07c",
            "19f23c9c486557da",
            "e143acc8fc725dba",
        )
    }
)
PARTS = (
    ("abstract_parser", "DelegatingParser"),
    ("qwen3", "qwen3_config"),
    ("qwen3", "Qwen3Parser"),
    ("engine.adapters", "ParserEngineReasoningAdapter"),
    ("engine.parser_engine", "ParserEngine"),
    ("engine.streaming_parser_engine", "StreamingParserEngine"),
    ("engine.incremental_lexer", "IncrementalLexer"),
)
HERMES_MARK = "<"  # of <tool_call>

Flow = tuple[str, tuple[str, ...]]  # the member of a delta that has the text, and those that are set to null


class Relay:
    """The parser of one stream; `parser` is vLLM's own."""

    def __init__(self, parser: Any, request: Any) -> None:
        self.parser = parser
        self.parsed: Any = None  # what the parser made of the current result, for vLLM's generator
        self.tokens: list[int] = []  # of the current result alone
        self._request = request
        self._marks = _marks_of(parser)
        self._flow: Flow | None = None
        self._missed_text: list[str] = []
        self._missed_tokens: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    @property
    def may_flow(self) -> bool:
        """Whether the parser is one that some text need not go through."""
        return self._marks is not None

    def flow(self, text: str, tokens: list[int]) -> Flow | None:
        """Return how a piece is handed on as it is, without the parser; None if the parser must see it."""
        if self._flow is None or not text or self._marks is None or self._marks.may_begin_in(text, tokens):
            return None
        self._missed_text.append(text)
        self._missed_tokens += tokens
        return self._flow

    def parse(self, text: str, tokens: list[int], prompt_tokens: Any) -> tuple[Any, Flow]:
        """Return what the parser makes of a piece; and how it hands it on, if that is text only."""
        self._catch_up()
        delta = self.parser.parse_delta(
            delta_text=text,
            delta_token_ids=tokens,
            request=self._request,
            prompt_token_ids=prompt_tokens,
            finished=False,
        )
        flow: Flow = ("", ()) if delta is None else only_text(delta)
        marks = self._marks
        if marks is None or marks.may_begin_in(text, tokens) or not marks.none_is_open():
            self._flow = None
        elif text:  # a piece without any, of a character that is not whole, changes nothing
            self._flow = flow if flow[0] and getattr(delta, flow[0]) == text else None
        return delta, flow

    def parse_delta(self, *, delta_token_ids: Any, **named: Any) -> Any:
        """Return to vLLM's generator what the parser made of the current result."""
        if self.parsed is not None:
            parsed, self.parsed = self.parsed, None
            return parsed
        self._catch_up()
        self._flow = None
        return self.parser.parse_delta(delta_token_ids=self.tokens, **named)

    def _catch_up(self) -> None:
        """Show the parser what it has missed: it makes nothing else of it than what has been written."""
        if self._missed_text:
            self.parser.parse_delta(
                delta_text="".join(self._missed_text),
                delta_token_ids=self._missed_tokens,
                request=self._request,
                finished=False,
            )
            self._missed_text, self._missed_tokens = [], []


class _Marks(NamedTuple):
    """With what a parser's marks may begin."""

    characters: frozenset[str]
    tokens: Container[int]
    none_is_open: Callable[[], bool]

    def may_begin_in(self, text: str, tokens: list[int]) -> bool:
        """Whether there is anything for the parser to see."""
        if not self.characters.isdisjoint(text):
            return True
        return any(token in self.tokens for token in tokens)


def _marks_of(parser: Any) -> _Marks | None:
    """Return the marks of vLLM's parser, if all that it is made of is known."""
    if not _are_known() or type(parser).__mro__[1].__name__ != "DelegatingParser":
        return None
    reasoning, tools = parser.reasoning_parser, parser.tool_parser
    characters: frozenset[str] = frozenset()
    if tools is not None:
        if type(tools).__name__ != "Hermes2ProToolParser":
            return None
        characters = frozenset(HERMES_MARK)
    if reasoning is None:
        return _Marks(characters, (), lambda: True)
    if type(reasoning).__name__ != "Qwen3ParserReasoningAdapter":
        return None
    engine = reasoning._parser_engine._engine
    return _Marks(
        characters | engine._lexer._literal_first_chars,
        engine._resolved_token_ids,
        lambda: not engine._lexer.buffer and not engine._scanner._deferred_terminals,
    )


@functools.cache
def _are_known() -> bool:
    def parts() -> tuple[Any, ...]:
        hermes: Any = importlib.import_module("vllm.tool_parsers.hermes_tool_parser").Hermes2ProToolParser
        return hermes, *(getattr(importlib.import_module(f"vllm.parser.{module}"), name) for module, name in PARTS)

    return is_known("plain text past parsers", parts, KNOWN_PARSERS)
