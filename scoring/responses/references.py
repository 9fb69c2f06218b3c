"""Items that clients refer to by their ids: those of a stored response, whose id is within theirs.

Clients that leave the keeping to us send `item_reference` for what earlier responses have given, without naming these.
"""

from collections.abc import Callable
from itertools import count

from scoring.responses.keeping import Keeper
from scoring.responses.request.items import Item, new_id
from scoring.responses.request.request import Request
from scoring.responses.request.values import invalid

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


async def resolve_references(request: Request, context: list[Item], keeper: Keeper, owner: str) -> None:
    """Put the items that references of a request name in their places; what is in the conversation stays out.

    Those of unknown items stay, and are refused with their place as soon as the prompt is made.
    """
    if not any(item["type"] == "item_reference" for item in request.items):
        return
    here = {item["id"] for item in (*context, *request.items) if item["type"] != "item_reference"}
    wanted = {item["id"] for item in request.items if item["type"] == "item_reference"} - here
    responses = {known for known in map(_response_of, wanted) if known is not None}
    if len(responses) > MOST:
        raise invalid("input", f"input refers to items of more than {MOST} responses: send the items.")
    found: dict[str, Item] = {}
    for known in responses:
        for response_id in (f"resp_{known}", known):
            kept = await keeper.find(response_id, owner)
            if kept is not None:
                found |= {item["id"]: item for item in kept.record.response["output"]}
                break
    request.items = [
        found.get(item["id"], item) if item["type"] == "item_reference" else item for item in request.items
    ]


def _response_of(item_id: str) -> str | None:
    """Return the id of the response that an item is of, without `resp_`; None where its id tells nothing of it."""
    known, _, number = item_id.partition("_")[2].rpartition("_")
    return known if known and number.isdecimal() else None
