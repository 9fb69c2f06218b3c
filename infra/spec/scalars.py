"""Text, whole numbers, true and false as a spec may write them; `${NAME}` makes text of everything."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.spec import errors as wrong
from infra.spec.names import RuleBroken

SURROGATE = re.compile("[\ud800-\udfff]")
WHOLE = re.compile(r"[+-]?[0-9]+(_[0-9]+)*(\.0+)?")
EXACT = 2**53  # beyond, a float is no longer one whole number
LONGEST_NUMBER = 100  # characters; Python reads no number of some thousands of digits
TRUTHS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


def text(name: str, value: Any) -> str:
    """Text and nothing else: a number in its place is a version or a name that lost its quotes."""
    if not isinstance(value, str):
        raise wrong.not_text(name, value)
    if SURROGATE.search(value):
        raise RuleBroken(f"{wrong.shown(value)} has half of a surrogate pair in it", "write the character itself")
    return value


def whole(name: str, value: Any) -> int:
    """A whole number, `3.0` and `"3"` among them; true is none."""
    if isinstance(value, bool):
        raise RuleBroken("must be a whole number", "for example `1`")
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    raise wrong.not_whole(name, value)


def truth(name: str, value: Any) -> bool:
    """True or false, in the words of YAML 1.1, too."""
    if isinstance(value, str) and value.lower() in TRUTHS:
        return TRUTHS[value.lower()]
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise wrong.not_truth(name, value)


LEAVES: Mapping[Any, Callable[[str, Any], Any]] = {str: text, int: whole, bool: truth}
