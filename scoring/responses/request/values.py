"""What a member's value must be: each check returns the value as it is kept, or refuses it with its place.

A check takes a value that is not null, and its place in the body (`input.3.role`).
"""

import json
import string
from collections.abc import Callable, Collection, Mapping
from typing import Any

from scoring.problems import INVALID, Problem

Check = Callable[[Any, str], Any]
SHOWN = 60  # characters of a value that an error repeats
LETTERS = frozenset(string.ascii_letters + string.digits + "_-")


def invalid(place: str, message: str) -> Problem:
    """Return a refusal (400) of what lies at a place."""
    return Problem(400, message, param=place, kind=INVALID)


def refused(place: str, value: Any, wanted: str) -> Problem:
    """Return the refusal of a value: where it lies, what was wanted, and what was given."""
    return invalid(place, f"{place} must be {wanted}; {shown(value)} was given.")


def missing(place: str, wanted: str = "") -> Problem:
    """Return the refusal of an object without a member that it must have."""
    return invalid(place, f"{place} is missing{wanted and '; it must be '}{wanted}.")


def shown(value: Any) -> str:
    """Return a value in few words, as JSON where it is short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        value = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
    return json.dumps(value, ensure_ascii=False)[: 2 * SHOWN]


def identifier(most: int) -> Check:
    """A name of letters, digits, _ and -."""

    def check(value: Any, place: str) -> str:
        if isinstance(value, str) and 0 < len(value) <= most and LETTERS.issuperset(value):
            return value
        raise refused(place, value, f"1 to {most} letters, digits, _ and -")

    return check


def boolean(value: Any, place: str) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise refused(place, value, "true or false")


def text(least: int = 0, most: int | None = None) -> Check:
    """A text of so many characters."""
    wanted = "a text" if not least else "a text that is not empty"
    if most is not None:
        wanted = f"a text of {least} to {most} characters" if least else f"a text of at most {most} characters"

    def check(value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise refused(place, value, wanted)
        if least <= len(value) and (most is None or len(value) <= most):
            return value
        given = f"one of {len(value)} was given" if value else "it is empty"
        raise invalid(place, f"{place} must be {wanted}; {given}.")

    return check


def integer(least: int, most: int | None = None) -> Check:
    """A whole number within these bounds."""
    wanted = f"a whole number from {least} to {most}" if most is not None else f"a whole number of at least {least}"

    def check(value: Any, place: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and least <= value
            and (most is None or value <= most)
        ):
            return value
        raise refused(place, value, wanted)

    return check


def number(least: float, most: float, *, above: bool = False) -> Check:
    """A number within these bounds; with `above`, more than the lower one."""
    wanted = f"a number {'above' if above else 'from'} {least:g} {'and at most' if above else 'to'} {most:g}"

    def check(value: Any, place: str) -> float:
        within = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        if within and not (above and value == least):
            return float(value)
        raise refused(place, value, wanted)

    return check


def one_of(words: Collection[str]) -> Check:
    """One of these words."""
    wanted = ", ".join(words[:-1]) + f" or {words[-1]}" if isinstance(words, tuple) else ", ".join(sorted(words))

    def check(value: Any, place: str) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise refused(place, value, wanted)

    return check


def list_of(check: Check, wanted: str) -> Check:
    """A list whose every member passes a check."""

    def check_list(value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise refused(place, value, wanted)
        return [check(member, f"{place}.{at}") for at, member in enumerate(value)]

    return check_list


def an_object(value: Any, place: str) -> dict[str, Any]:
    """An object; what is null in it is left out."""
    if isinstance(value, dict):
        return without_nulls(value)
    raise refused(place, value, "an object")


def members(checks: Mapping[str, Check], *, required: Collection[str] = (), closed: bool = False) -> Check:
    """An object with these members, each checked; `closed`: with no others."""

    def check(value: Any, place: str) -> dict[str, Any]:
        kept = an_object(value, place)
        for name in required:
            if name not in kept:
                raise missing(f"{place}.{name}")
        for name in kept:
            if name in checks:
                kept[name] = checks[name](kept[name], f"{place}.{name}")
            elif closed:
                known = ", ".join(checks)
                raise invalid(f"{place}.{name}", f"{place} has no member {shown(name)}; it may have {known}.")
        return kept

    return check


def schema(value: Any, place: str) -> dict[str, Any]:
    """A JSON schema, with its nulls: they have a meaning there."""
    if isinstance(value, dict):
        return value
    raise refused(place, value, "a JSON schema (an object)")


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    """Return a copy without its null members: null means "not given"."""
    return {name: member for name, member in value.items() if member is not None}
