"""Changes a deployment's number of instances for Azure Monitor, which asks Azure ML as any client would."""

import asyncio

from infra.emulator.arm.operations import status_url
from infra.emulator.arm.quota.rules import check_quota
from infra.emulator.arm.quota.vm_sizes import vm_size
from infra.emulator.errors import ServiceError
from infra.emulator.operations import TERMINAL
from infra.emulator.state.store import Document
from infra.emulator.world import World

PAUSE = 0.02  # seconds between two looks at an operation
API_VERSION = "2024-04-01"


async def scale(world: World, deployment_id: str, count: int) -> str:
    """Give a deployment so many instances and wait until it has them; returns why not, empty where it worked."""
    document = world.store.get(deployment_id)
    endpoint_id = deployment_id.rsplit("/", 2)[0]
    if document is None:
        return "the deployment was deleted"
    if world.operations.running(document["id"]) or world.operations.running(endpoint_id):
        return "another operation is running"
    size = vm_size(document["properties"].get("instanceType") or "")
    if size and count > document["sku"]["capacity"]:
        try:
            check_quota(world, document["id"], document["location"], size, count)
        except ServiceError as error:
            return str(error.error["details"][0]["message"])
    return await _finished(world, _begin(world, document, count))


def _begin(world: World, document: Document, count: int) -> Document:
    document["sku"] = {**document["sku"], "capacity": count}
    document["properties"]["provisioningState"] = "Scaling"
    with world.store.transaction():
        operation = world.operations.start("put-deployment", document["id"])
        url = status_url(world, operation, document["location"], API_VERSION)
        document["properties"].setdefault("properties", {})["AzureAsyncOperationUri"] = url
        world.store.put(document["id"], document)
    return operation


async def _finished(world: World, operation: Document) -> str:
    while True:
        now = world.operations.get(operation["name"]) or {"status": "Failed", "error": {"message": "it is gone"}}
        if now["status"] in TERMINAL:
            return "" if now["status"] == "Succeeded" else str(now["error"]["message"])
        await asyncio.sleep(PAUSE)
