"""Stores the content of a seed file, or the default workspace."""

from typing import Any

from infra.emulator.arm.container_registries.images import CONTAINER_REGISTRIES
from infra.emulator.arm.container_registries.routes import add_container_registry
from infra.emulator.arm.groups import add_group, add_subscription
from infra.emulator.arm.registries import add_registry
from infra.emulator.arm.workspaces import account_name, add_workspace
from infra.emulator.identity.roles import OWNER
from infra.emulator.identity.runners import EXCHANGE
from infra.emulator.seed.file import check_seed, digest_of, kept_digest
from infra.emulator.world import World

DEFAULT_WORKSPACES = [
    {
        "subscription_id": "00000000-0000-0000-0000-000000000001",
        "resource_group": "gatelift",
        "name": "local",
        "location": "eastus",
    }
]
# Roles of the seed are effective at once, whatever the propagation time.
LONG_AGO = "2026-01-01T00:00:00.0000000Z"


def apply_seed(world: World, seed: dict[str, Any] | None) -> None:
    """Store the seed's workspaces, registries, quota and principals; existing ones stay."""
    seeded = world.store.record("seed", "planted")
    owner = world.directory.owner()
    world.authorization.assign(owner.object_id, OWNER, "", by=owner.object_id, at=LONG_AGO)
    if seeded and seed is not None:
        check_seed(seed, kept_digest(seeded), world.paths.root)
    if seed is None and seeded:
        return
    seed = seed or {}
    for place in seed.get("workspaces", DEFAULT_WORKSPACES):
        id = _resource_id(world, place, "workspaces")
        if world.store.get(id) is None:
            properties = {"containerRegistry": _container_registry(world, id, place["location"])}
            add_workspace(world, id, _envelope(id, "workspaces"), place["location"], {"properties": properties})
    for place in seed.get("registries", []):
        id = _resource_id(world, place, "registries")
        if world.store.get(id) is None:
            add_registry(world, id, _envelope(id, "registries"), place["location"], {})
    for region, families in seed.get("quota", {}).items():
        world.store.put_record("quota", region.lower(), families)
    for entry in seed.get("principals", []):
        world.directory.create(
            entry.get("name", "seeded"), object_id=entry.get("object_id", ""), app_id=entry["client_id"]
        )
        if "client_secret" in entry:
            world.directory.set_client_secret(entry["client_id"], entry["client_secret"])
        federated = [{"audiences": [EXCHANGE], **one} for one in entry.get("federated_credentials", [])]
        world.federation.register(entry["client_id"], federated)
    named = "workspaces" in seed or bool(seeded and seeded["names_workspaces"])
    world.store.put_record("seed", "planted", {"names_workspaces": named})


def record_seed(world: World, seed: dict[str, Any] | None) -> None:
    """Record which seed this state was made from, once all of it is stored."""
    seeded = world.store.record("seed", "planted") or {}
    if seed is not None or not kept_digest(seeded):
        world.store.put_record("seed", "planted", {**seeded, "seed_digest": digest_of(seed)})


def _resource_id(world: World, place: dict[str, str], collection: str) -> str:
    subscription, group = place["subscription_id"], place["resource_group"]
    add_subscription(world.store, subscription, world.tokens.tenant_id)
    scope = f"/subscriptions/{subscription}/resourceGroups/{group}"
    if world.store.get(scope) is None:
        add_group(world.store, subscription, group, place["location"])
    return f"{scope}/providers/Microsoft.MachineLearningServices/{collection}/{place['name']}"


def _container_registry(world: World, workspace_id: str, location: str) -> str:
    """Make the registry that a workspace's images are built in; returns its id."""
    group = workspace_id.partition("/providers/")[0]
    id = f"{group}/providers/{CONTAINER_REGISTRIES}/registries/cr{account_name(workspace_id)[2:]}"
    if world.store.get(id) is None:
        head = _envelope(id, "registries") | {"type": f"{CONTAINER_REGISTRIES}/registries"}
        add_container_registry(world, id, head, location, {"sku": {"name": "Standard"}})
    return id


def _envelope(id: str, collection: str) -> dict[str, Any]:
    at = LONG_AGO
    who = {"createdBy": "seed", "createdByType": "Application", "lastModifiedBy": "seed"}
    return {
        "id": id,
        "name": id.rpartition("/")[2],
        "type": f"Microsoft.MachineLearningServices/{collection}",
        "systemData": {**who, "createdAt": at, "lastModifiedAt": at, "lastModifiedByType": "Application"},
    }
