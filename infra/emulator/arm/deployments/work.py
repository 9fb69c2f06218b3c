"""The long-running work on deployments."""

from infra.emulator.arm.container_registries.images import check_image
from infra.emulator.arm.deployments.identity import check_permissions
from infra.emulator.errors import DeploymentFailed
from infra.emulator.state.store import Document
from infra.emulator.world import World


async def run_put(world: World, operation: Document) -> None:
    """Start the deployment and point the endpoint's scoring URI to its route."""
    id = operation["resource"]
    document = world.store.get(id)
    if document is None:
        raise DeploymentFailed("ResourceNotFound", f"The deployment {id} does not exist.")
    check_permissions(world, id)
    environment = world.store.get(document["properties"].get("environmentId") or "") or {}
    check_image(world, environment)
    await world.host.start(id)
    document = world.store.get(id)
    if document is None:  # deleted in the meantime
        await world.host.stop(id)
        return
    document["properties"]["provisioningState"] = "Succeeded"
    with world.store.transaction():
        world.store.put(id, document)
        _follow_route(world, id, environment)


async def run_delete(world: World, operation: Document) -> None:
    """Stop the deployment's instances, then delete it."""
    id = operation["resource"]
    await world.operations.cancel_below(id, besides=operation["name"])
    await world.host.stop(id)
    endpoint_id = id.rsplit("/", 2)[0]
    endpoint = world.store.get(endpoint_id)
    with world.store.transaction():
        if endpoint:
            for kind in ("traffic", "mirrorTraffic"):
                shares = endpoint["properties"].get(kind) or {}
                name = id.rpartition("/")[2].lower()
                endpoint["properties"][kind] = {key: share for key, share in shares.items() if key.lower() != name}
            world.store.put(endpoint_id, endpoint)
        world.store.delete(id)
    world.recorder.forget(id)


def failed(world: World, operation: Document) -> None:
    """Mark the deployment as failed."""
    document = world.store.get(operation["resource"])
    if document:
        document["properties"]["provisioningState"] = "Failed"
        world.store.put(document["id"], document)


def _follow_route(world: World, deployment_id: str, environment: Document) -> None:
    routes = (environment.get("properties") or {}).get("inferenceConfig") or {}
    path = (routes.get("scoringRoute") or {}).get("path") or "/score"
    endpoint_id = deployment_id.rsplit("/", 2)[0]
    endpoint = world.store.get(endpoint_id)
    if endpoint and endpoint["properties"].get("scoringUri"):
        base = "/".join(endpoint["properties"]["scoringUri"].split("/", 3)[:3])
        endpoint["properties"]["scoringUri"] = base + path
        world.store.put(endpoint_id, endpoint)
