"""Text, whole numbers and booleans as a spec may write them; numbers may be text, since `${NAME}` gives text."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.spec import errors as spec_errors
from infra.spec.names import RuleBroken

SURROGATE = re.compile("[\ud800-\udfff]")
WHOLE = re.compile(r"[+-]?[0-9]+(_[0-9]+)*(\.0+)?")
EXACT = 2**53  # above this, a float does not stand for exactly one whole number
LONGEST_NUMBER = 100  # characters; Python refuses to read a number of thousands of digits
TRUTHS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


def text(name: str, value: Any) -> str:
    """The value if it is text; a number is refused, since it is probably a version or a name without its quotes."""
    if not isinstance(value, str):
        raise spec_errors.not_text(name, value)
    if SURROGATE.search(value):
        raise RuleBroken(f"{spec_errors.shown(value)} contains half of a surrogate pair", "write the character itself")
    return value


def whole(name: str, value: Any) -> int:
    """The value as a whole number; `3.0` and `"3"` are accepted, `true` is not."""
    if isinstance(value, bool):
        raise RuleBroken("must be a whole number", "for example `1`")
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    raise spec_errors.not_whole(name, value)


def truth(name: str, value: Any) -> bool:
    """The value as a boolean; the words of YAML 1.1, such as `yes` and `off`, are accepted, too."""
    if isinstance(value, str) and value.lower() in TRUTHS:
        return TRUTHS[value.lower()]
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise spec_errors.not_truth(name, value)


LEAVES: Mapping[Any, Callable[[str, Any], Any]] = {str: text, int: whole, bool: truth}
