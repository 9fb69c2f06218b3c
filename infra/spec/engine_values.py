"""What the value of a vLLM argument may be, by the argument's kind; what vLLM would refuse in the container is refused.

Text that is a number counts as that number, as everywhere in a spec, since `${NAME}` gives text.
"""

import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from infra.spec import errors as spec_errors
from infra.spec.names import RuleBroken
from infra.spec.scalars import text, truth, whole

SIZE = re.compile(r"[0-9]+[KMGT]|[0-9]+(\.[0-9]+)?[kmgt]")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
LONGEST_NUMBER = 100  # characters
MOST = 2**63 - 1
NUMERALS = "-.0123456789"
LIMITS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
WORDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}


def checked_value(name: str, kind: str, choices: tuple[str, ...], value: Any) -> Any:
    """The value as vLLM reads it; raises `RuleBroken` for one that its parser would refuse. None means: not given."""
    if value is None:
        return None
    single, several = kind.removesuffix("[]"), kind.endswith("[]")
    if several and isinstance(value, list):
        if not value:
            raise RuleBroken("the list is empty", f"write `- value` lines below `{name}:`, or leave the line out")
        return [_single(name, single, choices, item) for item in value]
    if several and isinstance(value, dict) and single != "lora":
        raise RuleBroken(f"{spec_errors.shown(value)} is not a list", f"write `- value` lines below `{name}:`")
    return _single(name, single, choices, value)


def _single(name: str, kind: str, choices: tuple[str, ...], value: Any) -> Any:
    if kind in ("choice", "name"):
        return _choice(name, choices, value, exact=kind == "choice")
    found = READERS[kind](name, value)
    if isinstance(found, int | float) and not isinstance(found, bool):
        _within(choices, found)
    return found


def _within(limits: tuple[str, ...], value: float) -> None:
    """Raise `RuleBroken` for a number outside the limits, such as `>=1`, or one that no engine can hold."""
    broken = [limit for limit in limits if not LIMITS[limit.rstrip(NUMERALS)](value, float(limit.lstrip("<>=")))]
    if broken:
        raise RuleBroken(f"{value} is not {_words(broken[0])}", f"it must be {' and '.join(map(_words, limits))}")
    if abs(value) > MOST and isinstance(value, int):
        raise RuleBroken(f"{spec_errors.shown(value)} has more than 64 bits", "vLLM takes smaller ones")


def _words(limit: str) -> str:
    sign = limit.rstrip(NUMERALS)
    return f"{WORDS[sign]} {limit.removeprefix(sign)}"


def _choice(name: str, choices: tuple[str, ...], value: Any, *, exact: bool) -> Any:
    written = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    found = written if exact else written.lower().replace("-", "_")
    if found not in choices:
        *others, last = choices
        listed = f"{', '.join(others)} or {last}" if others else last
        hint = f"choose {listed}"
        if isinstance(value, bool):
            hint += "; YAML reads words such as `off` and `no` as true or false: put them in quotes"
        raise RuleBroken(f"{spec_errors.shown(value)} is not a value of {name}", hint)
    return int(found) if found.isdigit() else found


def _switch(name: str, value: Any) -> Any:
    """True, or None for false: the option has no `--no-` variant."""
    return truth(name, value) or None


def _number(name: str, value: Any) -> float:
    found = value
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and NUMBER.fullmatch(value.strip()):
        found = float(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        hint = f"write a number without quotes, for example `{name}: 0.9`"
        raise RuleBroken(f"{spec_errors.shown(value)} is not a number", hint)
    return found


def _size(name: str, value: Any) -> Any:
    if isinstance(value, str) and SIZE.fullmatch(value.strip()):
        return value.strip()
    try:
        return whole(name, value)
    except RuleBroken:
        hint = f"write a whole number, or one with a suffix: `{name}: 32k` (32,000) or `{name}: 32K` (32,768)"
        raise RuleBroken(f"{spec_errors.shown(value)} is not a number of bytes or tokens", hint) from None


def _size_or_auto(name: str, value: Any) -> Any:
    return "auto" if isinstance(value, str) and value.strip().lower() == "auto" else _size(name, value)


def _text(name: str, value: Any) -> Any:
    """Text, or a number that vLLM reads as text; true, false, a list and a mapping would become other options."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text(name, value)


def _json(name: str, value: Any) -> Any:
    found = _parsed(value)
    if not isinstance(found, dict):
        hint = f"write indented `key: value` lines below `{name}:`, or a JSON object in quotes"
        raise RuleBroken(f"{spec_errors.shown(value)} is not a mapping", hint)
    return found


def _any_json(name: str, value: Any) -> Any:
    found = _parsed(value)
    if found is None:
        raise RuleBroken(f"{spec_errors.shown(value)} is not JSON", f"write `- value` lines below `{name}:`")
    return json.dumps(found)  # a list would become several values of the option, which takes one


def _json_or_text(name: str, value: Any) -> Any:
    return value if isinstance(value, dict) else text(name, value)


def _lora(name: str, value: Any) -> Any:
    """`NAME=PATH`, or an object with `name` and `path`."""
    if isinstance(value, str) and re.fullmatch("[^={]+=[^=]+", value):
        return value
    found = _parsed(value)
    if not isinstance(found, dict) or not found.keys() >= {"name", "path"}:
        raise RuleBroken(f"{spec_errors.shown(value)} names no adapter", f"write `- NAME=PATH` lines below `{name}:`")
    return found


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


READERS: dict[str, Callable[[str, Any], Any]] = {
    "flag": truth,
    "switch": _switch,
    "int": whole,
    "float": _number,
    "size": _size,
    "size|auto": _size_or_auto,
    "text": _text,
    "json": _json,
    "anyjson": _any_json,
    "json|text": _json_or_text,
    "lora": _lora,
}
