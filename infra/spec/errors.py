"""What is wrong with a value of a spec, in words, and the way out of each mistake."""

import difflib
from collections.abc import Sequence
from typing import Any

from infra.spec.names import RuleBroken

AS_A_MOMENT = "write it as 2026-01-16T00:00:00.000Z"
SEE_INIT = "`gatelift init` writes a commented spec"


def unknown_key(key: str, known: Sequence[str]) -> RuleBroken:
    """A key that no field has."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return RuleBroken(
        f"unknown key {key!r}", f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(known))}"
    )


def missing(name: str) -> RuleBroken:
    """A field that must be written and is not."""
    return RuleBroken("is missing", f"add `{name}:`")


def not_text(name: str, value: Any) -> RuleBroken:
    """A number, a list, nothing at all, where text is wanted."""
    one = isinstance(value, bool | int | float)
    hint = f'write it in quotes: {name}: "{value}"' if one else f"write one value behind `{name}:`"
    return RuleBroken(f"{shown(value)} is not text", hint)


def not_whole(name: str, value: Any) -> RuleBroken:
    """Anything where a whole number is wanted."""
    hint = f"write a whole number without quotes, for example `{name}: 1`"
    return RuleBroken(f"{shown(value)} is not a whole number", hint)


def not_truth(name: str, value: Any) -> RuleBroken:
    """Anything where `true` or `false` is wanted."""
    return RuleBroken(f"{shown(value)} is neither true nor false", f"write `{name}: true`")


def not_mapping(name: str, value: Any, what: str) -> RuleBroken:
    """Anything where `fields`, or `keys and values`, are wanted."""
    hint = f"write `key: value` lines, indented, below `{name}:`" if name else SEE_INIT
    return RuleBroken(f"{shown(value)} is not a mapping of {what}", hint)


def not_list(name: str, value: Any) -> RuleBroken:
    """Anything where a list is wanted."""
    return RuleBroken(f"{shown(value)} is not a list", f"write `- value` lines below `{name}:`")


def not_json(value: Any) -> RuleBroken:
    """What YAML can say and a vLLM argument cannot be, such as `!!binary`."""
    return RuleBroken(f"{shown(value)} is neither text, number, true, false, list nor mapping", "write it as text")


def none_of(value: Any, choices: Sequence[str]) -> RuleBroken:
    """A value that is not among the ones there are."""
    *others, last = map(repr, choices)
    listed = f"{', '.join(others)} or {last}"
    return RuleBroken(f"{shown(value)} is none of {listed}", f"choose one of {listed}")


def too_small(name: str, value: Any, least: float) -> RuleBroken:
    """A number below the first one allowed."""
    return RuleBroken(f"{shown(value)} is less than {least}", f"{name} begins at {least}")


def too_large(name: str, value: Any, most: float) -> RuleBroken:
    """A number above the last one allowed."""
    return RuleBroken(f"{shown(value)} is more than {most}", f"{name} ends at {most}")


def empty(name: str, value: Any) -> RuleBroken:
    """Text of no characters where there must be some."""
    return RuleBroken(f"{shown(value)} is empty", f"give {name} a value, or leave the line out")


def shown(value: Any) -> str:
    """A value as it appears in a message."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than some thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "…"
