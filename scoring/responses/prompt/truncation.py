"""Leaving out the oldest turns of a conversation that is too long for the model (`truncation: "auto"`)."""

from collections.abc import Awaitable, Callable

from scoring.responses.request.items import Item
from scoring.responses.request.messages import SYSTEM
from scoring.responses.tools.replayed import CALLS, OUTPUTS

Placed = tuple[str, Item]
ASKING = (*CALLS, "mcp_approval_request")


async def shortened(items: list[Placed], fits: Callable[[list[Placed]], Awaitable[bool]]) -> list[Placed]:
    """Return the items without as few of the oldest turns as need be; asks `fits` some log₂(turns) times.

    A turn begins with a user's message. The last turn stays, as do all messages of the system; an output goes with its
    call. Where nothing that is left fits, it is the last turn.
    """
    if await fits(items):
        return items
    starts = _starts(items)
    low, high = 1, len(starts) - 1  # turns left out: at least one, at most all but the last
    while low < high:
        middle = (low + high) // 2
        if await fits(without(items, starts[middle])):
            high = middle
        else:
            low = middle + 1
    return without(items, starts[high]) if starts else items


def without(items: list[Placed], start: int) -> list[Placed]:
    """Return the items from this one on and what the system has said before; outputs of calls that are gone go, too."""
    kept = [one for at, one in enumerate(items) if at >= start or _is_system(one[1])]
    calls = {id for _, item in kept if item["type"] in ASKING for id in (item.get("call_id"), item["id"])}
    return [one for one in kept if _asked_by(one[1], calls)]


def _asked_by(item: Item, calls: set[str | None]) -> bool:
    """Tell whether the call that an item answers is among these; other items answer none."""
    if item["type"] == "mcp_approval_response":
        return item["approval_request_id"] in calls
    return item["type"] not in OUTPUTS or (item.get("call_id") or item["id"]) in calls


def _starts(items: list[Placed]) -> list[int]:
    """Return where turns begin; several messages of a user in a row begin one."""
    users = [at for at, (_, item) in enumerate(items) if item.get("role") == "user"]
    starts = [at for number, at in enumerate(users) if not number or users[number - 1] != at - 1]
    return sorted({0, *starts})


def _is_system(item: Item) -> bool:
    return item.get("role") in SYSTEM
