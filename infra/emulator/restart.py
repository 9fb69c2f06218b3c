"""Resumes what ran when the emulator stopped: front ends, operations and deployments."""

import asyncio
import logging

from infra.emulator.errors import DeploymentFailed
from infra.emulator.state.store import Document
from infra.emulator.world import World

logger = logging.getLogger("gatelift.emulator")


async def resume(world: World) -> None:
    """Open every front end again, resume operations, and start the deployments that ran before."""
    for endpoint in world.store.of_type("onlineEndpoints"):
        if endpoint["properties"].get("scoringUri"):
            await _reopen(world, endpoint)
    world.operations.resume()
    ready = [
        item for item in world.store.of_type("deployments") if item["properties"]["provisioningState"] == "Succeeded"
    ]
    await asyncio.gather(*(_start(world, item["id"]) for item in ready))


async def _reopen(world: World, endpoint: Document) -> None:
    url = await world.front_ends.open(endpoint["id"])
    properties = endpoint["properties"]
    path = "/" + properties["scoringUri"].split("/", 3)[3]
    if properties["scoringUri"] != url + path:
        properties |= {"scoringUri": url + path, "swaggerUri": f"{url}/swagger.json"}
        world.store.put(endpoint["id"], endpoint)


async def _start(world: World, deployment_id: str) -> None:
    try:
        await world.host.start(deployment_id)
    except DeploymentFailed as failure:
        # On Azure, too, a deployment that cannot be recovered keeps its state and does not answer.
        logger.warning("%s could not be resumed: %s", deployment_id, failure)
    except Exception:  # one deployment must not keep the others from being resumed
        logger.exception("%s could not be resumed", deployment_id)
