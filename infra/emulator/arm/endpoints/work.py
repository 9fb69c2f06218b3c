"""The long-running work on endpoints."""

from infra.emulator.state.store import Document
from infra.emulator.world import World

DEFAULT_ROUTE = "/score"
BUSY = "Operation was canceled: another operation holds the resource. Please retry after it has ended."


async def run_put(world: World, operation: Document) -> None:
    """Open the front end and store its URL in the endpoint."""
    id = operation["resource"]
    url = await world.front_ends.open(id)
    document = world.store.get(id)
    if document is None:
        return
    properties = document["properties"]
    scoring = properties.get("scoringUri") or f"{url}{DEFAULT_ROUTE}"
    path = "/" + scoring.split("/", 3)[3]
    properties |= {"scoringUri": url + path, "swaggerUri": f"{url}/swagger.json", "provisioningState": "Succeeded"}
    world.store.put(id, document)


async def run_delete(world: World, operation: Document) -> None:
    """Stop the endpoint's deployments and front end, then delete all that belongs to it."""
    id = operation["resource"]
    await world.operations.cancel_below(id, besides=operation["name"])
    for deployment in world.store.children(id, "deployments"):
        await world.host.stop(deployment["id"])
    await world.front_ends.close(id)
    document = world.store.get(id) or {}
    principal = (document.get("identity") or {}).get("principalId")
    with world.store.transaction():
        for granted in (world.store.record("granted", id.lower()) or {"ids": []})["ids"]:
            world.authorization.revoke(granted)
        world.store.delete_record("granted", id.lower())
        if principal and document["identity"]["type"] == "SystemAssigned":
            world.directory.remove(principal)
        world.store.delete(id)


async def run_regenerate(_: World, __: Document) -> None:
    """Do nothing: the request has already replaced the key, which must not be in an operation's record."""


def failed(world: World, operation: Document) -> None:
    """Mark the endpoint as failed."""
    document = world.store.get(operation["resource"])
    if document:
        document["properties"]["provisioningState"] = "Failed"
        world.store.put(document["id"], document)
