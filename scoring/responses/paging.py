"""Lists that are given a page at a time, and the query parameters of a request."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from scoring.asgi import Scope
from scoring.problems import INVALID, Problem
from scoring.responses.request.items import Item

MOST = 100
USUAL = 20
FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
ORDERS = ("asc", "desc")


class Query:
    """The parameters of a request; where one is given twice the last counts."""

    def __init__(self, scope: Scope) -> None:
        self._given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)

    def get(self, name: str) -> str | None:
        """Return a parameter as it came."""
        return self._given[name][-1] if name in self._given else None

    def flag(self, name: str) -> bool:
        """Return whether a parameter is on. Raises `Problem` (400)."""
        given = self.get(name) or ""
        if given.lower() not in FLAGS:
            raise refused(name, given, "true or false")
        return FLAGS[given.lower()]

    def number(self, name: str, least: int, most: int | None = None) -> int | None:
        """Return a parameter as a number. Raises `Problem` (400)."""
        given = self.get(name)
        if given is None:
            return None
        bounds = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
        if not (given.isascii() and given.isdecimal() and len(given) < 20):
            raise refused(name, given, bounds)
        if int(given) < least or (most is not None and int(given) > most):
            raise refused(name, given, bounds)
        return int(given)

    def one_of(self, name: str, words: tuple[str, ...], usual: str) -> str:
        """Return a parameter that is one of some words. Raises `Problem` (400)."""
        given = self.get(name) or usual
        if given not in words:
            raise refused(name, given, " or ".join(words))
        return given

    def check_include(self, known: tuple[str, ...]) -> None:
        """Refuse `include` with a value that OpenAI's document does not know. Raises `Problem` (400)."""
        for value in [*self._given.get("include", ()), *self._given.get("include[]", ())]:
            if value not in known:
                raise refused("include", value, ", ".join(known))


def refused(name: str, given: str, wanted: str) -> Problem:
    """Return the refusal of a parameter."""
    return Problem(400, f"{name} is {given[:100]!r}; it may be {wanted}.", param=name, kind=INVALID)


def page(items: list[Item], query: Query) -> dict[str, Any]:
    """Return a page of items by `limit`, `order` and `after`. Raises `Problem` (400)."""
    limit = query.number("limit", 1, MOST) or USUAL
    ordered = items if query.one_of("order", ORDERS, "desc") == "asc" else items[::-1]
    after = query.get("after")
    if after:
        places = [place for place, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise Problem(400, f"after is {after[:100]!r}, which is no item here.", param="after", kind=INVALID)
        ordered = ordered[places[0] + 1 :]
    return listed(ordered[:limit], has_more=len(ordered) > limit)


def listed(items: list[Item], *, has_more: bool = False) -> dict[str, Any]:
    """Return a list as OpenAI's API gives it."""
    ids = [item["id"] for item in items] or [""]
    return {"object": "list", "data": items, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}


def with_own_ids(items: list[Item], new_id: Callable[[str], str]) -> list[Item]:
    """Return items of which no two have one id, so that a page ends where the next begins."""
    seen: set[str] = set()
    own = []
    for item in items:
        given = item.get("id")
        if not given or given in seen:
            item = {**item, "id": new_id(str(given or item["type"]).partition("_")[0])}
        seen.add(item["id"])
        own.append(item)
    return own
