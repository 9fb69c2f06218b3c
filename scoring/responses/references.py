"""Items that clients refer to by their ids: those of a stored response, whose id is within theirs.

Clients that leave storage to the server send an `item_reference` for what earlier responses have given.
"""

from collections.abc import Callable
from itertools import count

from scoring.problems import INVALID, Problem
from scoring.responses.keeping import Keeper
from scoring.responses.request.items import Item, new_id
from scoring.responses.request.values import invalid, shown

LONGEST = 53  # characters of a response's id in one of an item, which other servers take up to 64 of
MOST = 256  # responses that one request may refer to


def item_ids(response_id: str) -> Callable[[str], str]:
    """Return what makes the ids of a response's items: their prefix, the response's id, a number."""
    known, numbers = response_id.removeprefix("resp_"), count()

    def made(prefix: str) -> str:
        if prefix == "call" or len(known) > LONGEST:
            return new_id(prefix)
        return f"{prefix}_{known}_{next(numbers)}"

    return made


async def without_references(
    items: list[Item], context: list[Item], keeper: Keeper, owner: str, place: str = "input"
) -> list[Item]:
    """Return items with references replaced by what they name; what the conversation has already is not repeated.

    No reference is left, so that none is kept. Raises `Problem` (404) with the place of one that names nothing.
    """
    if not any(item["type"] == "item_reference" for item in items):
        return items
    here = {item["id"] for item in (*context, *items) if item["type"] != "item_reference"}
    found = await _found({item["id"] for item in items if item["type"] == "item_reference"} - here, keeper, owner)
    resolved: list[Item] = []
    for at, item in enumerate(items):
        if item["type"] != "item_reference":
            resolved.append(item)
        elif item["id"] in found:
            resolved.append(found[item["id"]])
            here.add(item["id"])
            del found[item["id"]]
        elif item["id"] not in here:
            raise _unknown(f"{place}.{at}.id", item["id"])
    return resolved


async def _found(wanted: set[str], keeper: Keeper, owner: str) -> dict[str, Item]:
    """Return the items of stored responses that have these ids."""
    responses = {known for known in map(_response_of, wanted) if known is not None}
    if len(responses) > MOST:
        raise invalid("input", f"input refers to items of more than {MOST} responses: send the items.")
    found: dict[str, Item] = {}
    for known in responses:
        for response_id in (f"resp_{known}", known):
            kept = await keeper.find(response_id, owner)
            if kept is not None:
                found |= {item["id"]: item for item in kept.record.response["output"] if item["id"] in wanted}
    return found


def _unknown(place: str, item_id: str) -> Problem:
    return Problem(
        404,
        f"{place}: no item {shown(item_id)} is in this conversation or in a stored response.",
        param=place,
        kind=INVALID,
    )


def _response_of(item_id: str) -> str | None:
    """Return the id of the response that an item is of, without `resp_`; None where its id tells nothing of it."""
    known, _, number = item_id.partition("_")[2].rpartition("_")
    return known if known and number.isdecimal() else None
