"""vLLM's parser of one stream as its generator sees it, and the pieces of text that need not go through it.

A parser that handed all of a piece on as content (or as reasoning) does so with the next piece, too, unless that has a
character or a token with which one of its marks may begin. Such a piece can be written as it is. The parser gets all
that it has missed in one call before the next piece that it must look at: vLLM itself calls it so for a stream that is
behind.
"""

import functools
from collections.abc import Callable, Container
from importlib import import_module
from typing import Any, NamedTuple

from scoring.event_pieces import only_text
from scoring.source_hash import is_known

# vLLM's parsers and what they are made of (`_parts`), by one hash of all their sources: 0.32.0.
KNOWN_PARSERS = frozenset({"ba54c283c02c256e"})
HERMES_MARK = "<"  # of <tool_call>

Member = tuple[str, tuple[str, ...]]  # the one of a delta that has the text, and those that are set to null


class Relay:
    """The parser of one stream; `parser` is vLLM's own."""

    def __init__(self, parser: Any, request: Any) -> None:
        self.parser = parser
        self.parsed: Any = None  # what the parser made of the current result, for vLLM's generator
        self.tokens: list[int] = []  # of the current result alone
        self._request = request
        self._marks = _marks_of(parser)
        self._member: Member | None = None  # under which pieces are handed on as they are
        self._missed_text: list[str] = []
        self._missed_tokens: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    @property
    def is_known(self) -> bool:
        """Whether the parser is one that some text need not go through."""
        return self._marks is not None

    @property
    def may_pass(self) -> bool:
        """Whether the next piece may be one."""
        return self._member is not None

    def let_pass(self, text: str, tokens: list[int]) -> Member | None:
        """Let a piece pass the parser: return how it is handed on as it is; None if the parser must see it."""
        if self._member is None or not text or self._marks is None or self._marks.may_begin_in(text, tokens):
            return None
        self._missed_text.append(text)
        self._missed_tokens += tokens
        return self._member

    def parse(self, text: str, tokens: list[int], prompt_tokens: Any) -> tuple[Any, Member | None]:
        """Return what the parser makes of a piece; and how it hands text on, if that is all of it."""
        self._catch_up()
        delta = self._show(text, tokens, prompt_tokens)
        name, nulls = ("", ()) if delta is None else only_text(delta)
        member = (name, nulls) if name else None
        marks = self._marks
        if marks is None or marks.may_begin_in(text, tokens) or not marks.none_is_open():
            self._member = None
        elif text:  # a piece without any, of a character that is not whole, changes nothing
            self._member = member if member and getattr(delta, name) == text else None
        return delta, member

    def parse_delta(self, *, delta_token_ids: Any, **named: Any) -> Any:
        """Return to vLLM's generator what the parser made of the current result."""
        if self.parsed is not None:
            parsed, self.parsed = self.parsed, None
            return parsed
        self._catch_up()
        self._member = None
        return self.parser.parse_delta(delta_token_ids=self.tokens, **named)

    def _catch_up(self) -> None:
        """Show the parser what it has missed: it makes nothing else of it than what has been written."""
        if self._missed_text:
            self._show("".join(self._missed_text), self._missed_tokens)
            self._missed_text, self._missed_tokens = [], []

    def _show(self, text: str, tokens: list[int], prompt_tokens: Any = None) -> Any:
        return self.parser.parse_delta(
            delta_text=text,
            delta_token_ids=tokens,
            request=self._request,
            prompt_token_ids=prompt_tokens,
            finished=False,
        )


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
    kinds = known_kinds()
    reasoning, tools = parser.reasoning_parser, parser.tool_parser
    if kinds is None or reasoning is tools is None or type(parser).parse_delta is not kinds.delegating.parse_delta:
        return None
    if type(tools) not in (kinds.hermes, type(None)) or type(reasoning) not in (kinds.qwen3, type(None)):
        return None
    characters = frozenset(HERMES_MARK if tools is not None else "")
    if reasoning is None:
        return _Marks(characters, (), lambda: True)
    engine = reasoning._parser_engine._engine
    return _Marks(
        characters | engine._lexer._literal_first_chars,
        engine._resolved_token_ids,
        lambda: not engine._lexer.buffer and not engine._scanner._deferred_terminals,
    )


class _Kinds(NamedTuple):
    """vLLM's classes of parsers."""

    delegating: Any
    hermes: Any
    qwen3: Any


@functools.cache
def known_kinds() -> _Kinds | None:
    """Return vLLM's classes of parsers, if they are known here; a third of a second the first time."""
    return _kinds() if is_known("text past the parsers", _parts, KNOWN_PARSERS) else None


def _kinds() -> _Kinds:
    return _Kinds(
        import_module("vllm.parser.abstract_parser").DelegatingParser,
        import_module("vllm.tool_parsers.hermes_tool_parser").Hermes2ProToolParser,
        import_module("vllm.reasoning.qwen3_engine_reasoning_parser").Qwen3ParserReasoningAdapter,
    )


def _parts() -> tuple[Any, ...]:
    kinds = _kinds()
    qwen3, engine = import_module("vllm.parser.qwen3"), import_module("vllm.parser.engine.streaming_parser_engine")
    parts = (
        *kinds.delegating.__mro__[:-1],
        *kinds.hermes.__mro__[:-1],
        *kinds.qwen3.__mro__[1:-1],
        *qwen3.Qwen3Parser.__mro__[:-1],
        qwen3.qwen3_config,
        engine.StreamingParserEngine,
        engine.IncrementalLexer,
        engine.TokenIDScanner,
        import_module("vllm.tool_parsers.utils").partial_tag_overlap,
    )
    return tuple(dict.fromkeys(parts))  # each of them once
