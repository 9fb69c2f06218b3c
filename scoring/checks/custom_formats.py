"""Formats of custom tools: whether a Lark grammar or a regular expression can be followed, and whether a text does."""

import time
from functools import cache
from typing import Any

STEP = 32  # bytes read in one go, during which no other thread runs
MOST_SECONDS = 2.0


def fault_of(syntax: str, definition: str) -> str:
    """Return what is wrong with a format, in one line; nothing if it can be followed."""
    matcher = _llguidance().LLMatcher
    said: str = matcher.validate_grammar(_grammar(syntax, definition), None)
    return " ".join(said.partition("\n   1 |")[0].split())


def follows(syntax: str, definition: str, text: str) -> bool:
    """Tell whether a whole text follows a format; one that takes too long to read counts for one that does not.

    An ambiguous grammar takes time by the square of the text, so ask for long texts in a thread.
    """
    matcher = _llguidance().LLMatcher(_bytewise(), _grammar(syntax, definition), log_level=0)
    tokens, latest = list(text.encode()), time.monotonic() + MOST_SECONDS
    for start in range(0, len(tokens), STEP):
        step = tokens[start : start + STEP]
        if matcher.try_consume_tokens(step) != len(step) or time.monotonic() > latest:
            return False
    return bool(matcher.is_accepting())


def _grammar(syntax: str, definition: str) -> Any:
    matcher = _llguidance().LLMatcher
    return matcher.grammar_from_regex(definition) if syntax == "regex" else matcher.grammar_from_lark(definition)


@cache
def _bytewise() -> Any:
    return _llguidance().LLTokenizer("byte")


def _llguidance() -> Any:
    import llguidance  # slow; only requests with such tools need it

    return llguidance
