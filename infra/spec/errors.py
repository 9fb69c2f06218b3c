"""The messages and hints for mistakes in a spec."""

import difflib
from collections.abc import Sequence
from typing import Any

from infra.spec.names import RuleBroken

AS_A_MOMENT = "write it as 2026-01-16T00:00:00.000Z"
SEE_INIT = "`gatelift init` writes a commented spec"


def unknown_key(key: str, known: Sequence[str]) -> RuleBroken:
    """The mistake for a key that is not a field."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return RuleBroken(
        f"unknown key {key!r}", f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(sorted(known))}"
    )


def missing(name: str) -> RuleBroken:
    """The mistake for a required field that is not in the spec."""
    return RuleBroken("is missing", f"add `{name}:`")


def not_text(name: str, value: Any) -> RuleBroken:
    """The mistake for a value that must be text and is a number, a list or nothing."""
    one = isinstance(value, bool | int | float)
    hint = f'write it in quotes: {name}: "{value}"' if one else f"write one value after `{name}:`"
    return RuleBroken(f"{shown(value)} is not text", hint)


def not_whole(name: str, value: Any) -> RuleBroken:
    """The mistake for a value that must be a whole number."""
    hint = f"write a whole number without quotes, for example `{name}: 1`"
    return RuleBroken(f"{shown(value)} is not a whole number", hint)


def not_truth(name: str, value: Any) -> RuleBroken:
    """The mistake for a value that must be true or false."""
    return RuleBroken(f"{shown(value)} is neither true nor false", f"write `{name}: true` or `{name}: false`")


def not_mapping(name: str, value: Any, what: str) -> RuleBroken:
    """The mistake for a value that must be a mapping of `what`: `fields`, or `keys and values`."""
    hint = f"write indented `key: value` lines below `{name}:`" if name else SEE_INIT
    return RuleBroken(f"{shown(value)} is not a mapping of {what}", hint)


def not_list(name: str, value: Any) -> RuleBroken:
    """The mistake for a value that must be a list."""
    return RuleBroken(f"{shown(value)} is not a list", f"write `- value` lines below `{name}:`")


def not_json(value: Any) -> RuleBroken:
    """The mistake for a vLLM argument that JSON cannot hold, such as `!!binary`."""
    return RuleBroken(f"{shown(value)} is not text, a number, true, false, a list or a mapping", "write it as text")


def none_of(value: Any, choices: Sequence[str]) -> RuleBroken:
    """The mistake for a value that is not among the choices."""
    *others, last = map(repr, choices)
    listed = f"{', '.join(others)} or {last}"
    return RuleBroken(f"{shown(value)} is not {listed}", f"choose {listed}")


def too_small(name: str, value: Any, least: float) -> RuleBroken:
    """The mistake for a number below the lowest one allowed."""
    return RuleBroken(f"{shown(value)} is less than {least}", f"{name} must be at least {least}")


def too_large(name: str, value: Any, most: float) -> RuleBroken:
    """The mistake for a number above the highest one allowed."""
    return RuleBroken(f"{shown(value)} is more than {most}", f"{name} must be at most {most}")


def empty(name: str, value: Any) -> RuleBroken:
    """The mistake for empty text."""
    return RuleBroken(f"{shown(value)} is empty", f"give {name} a value, or leave the line out")


def shown(value: Any) -> str:
    """A value as it appears in a message, at most 60 characters long."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write a number of thousands of digits
        return "a number with thousands of digits"
    return text if len(text) <= 60 else text[:57] + "…"
