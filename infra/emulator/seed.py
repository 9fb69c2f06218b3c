"""What an emulator holds at its first start: from a seed file, or the default."""

import json
from pathlib import Path
from typing import Any

from infra.emulator.arm_groups import add_group, add_subscription
from infra.emulator.arm_registries import add_registry
from infra.emulator.arm_workspaces import add_workspace
from infra.emulator.directory import Directory
from infra.emulator.roles import OWNER
from infra.emulator.world import World
from infra.errors import GateliftError

DEFAULT_WORKSPACES = [
    {
        "subscription_id": "00000000-0000-0000-0000-000000000001",
        "resource_group": "gatelift",
        "name": "local",
        "location": "eastus",
    }
]
# Roles of the seed have spread when the emulator starts.
LONG_AGO = "2026-01-01T00:00:00.0000000Z"
SECTIONS = {"workspaces": list, "quota": dict, "hub": dict, "registries": list, "principals": list}
PLACE = ("subscription_id", "resource_group", "name", "location")


class SeedError(GateliftError):
    """The seed file cannot be used."""

    code = "invalid_seed"


def read_seed(path: Path) -> dict[str, Any]:
    """Read and check a seed file."""
    try:
        seed = json.loads(path.read_text())
    except OSError as error:
        raise SeedError(f"cannot read the seed file {path}: {error.strerror}", hint="check --seed") from None
    except ValueError as error:
        raise SeedError(f"{path} is no JSON: {error}", hint="see 'The emulator on its own' in the README") from None
    if not isinstance(seed, dict):
        raise SeedError(f"{path}: the seed must be an object", hint=f"with any of {', '.join(SECTIONS)}")
    for section, value in seed.items():
        if section not in SECTIONS:
            raise SeedError(f"{path}: unknown section {section!r}", hint=f"there are {', '.join(SECTIONS)}")
        if not isinstance(value, SECTIONS[section]):
            raise SeedError(f"{path}: section {section!r} must be a {SECTIONS[section].__name__}, not {value!r}")
    for section in ("workspaces", "registries"):
        for index, place in enumerate(seed.get(section, [])):
            _check_place(path, f"{section}[{index}]", place)
    for index, entry in enumerate(seed.get("principals", [])):
        if not isinstance(entry, dict) or not isinstance(entry.get("client_id"), str):
            raise SeedError(f"{path}: principals[{index}].client_id is missing")
    for region, families in seed.get("quota", {}).items():
        if not isinstance(families, dict) or not all(type(cores) is int for cores in families.values()):
            raise SeedError(f"{path}: quota.{region} must map families to numbers of cores")
    return seed


def plant(world: World, directory: Directory, seed: dict[str, Any] | None) -> None:
    """Put the seed's control plane into the store; what is there already stays."""
    seeded = world.store.record("seed", "planted")
    owner = directory.owner()
    world.authorization.assign(owner.object_id, OWNER, "", by=owner.object_id, at=LONG_AGO)
    if seed is None and seeded:
        return
    seed = seed or {}
    for place in seed.get("workspaces", DEFAULT_WORKSPACES):
        id = _home(world, place, "workspaces")
        if world.store.get(id) is None:
            add_workspace(world, id, _head(id, "workspaces"), place["location"], {})
    for place in seed.get("registries", []):
        id = _home(world, place, "registries")
        if world.store.get(id) is None:
            add_registry(world, id, _head(id, "registries"), place["location"], {})
    for region, families in seed.get("quota", {}).items():
        world.store.put_record("quota", region.lower(), families)
    for entry in seed.get("principals", []):
        directory.create(entry.get("name", "seeded"), object_id=entry.get("object_id", ""), app_id=entry["client_id"])
        if "client_secret" in entry:
            directory.set_client_secret(entry["client_id"], entry["client_secret"])
    named = "workspaces" in seed or bool(seeded and seeded["names_workspaces"])
    world.store.put_record("seed", "planted", {"names_workspaces": named})


def _home(world: World, place: dict[str, str], collection: str) -> str:
    subscription, group = place["subscription_id"], place["resource_group"]
    add_subscription(world.store, subscription, world.tokens.tenant_id)
    scope = f"/subscriptions/{subscription}/resourceGroups/{group}"
    if world.store.get(scope) is None:
        add_group(world.store, subscription, group, place["location"])
    return f"{scope}/providers/Microsoft.MachineLearningServices/{collection}/{place['name']}"


def _head(id: str, collection: str) -> dict[str, Any]:
    at = LONG_AGO
    who = {"createdBy": "seed", "createdByType": "Application", "lastModifiedBy": "seed"}
    return {
        "id": id,
        "name": id.rpartition("/")[2],
        "type": f"Microsoft.MachineLearningServices/{collection}",
        "systemData": {**who, "createdAt": at, "lastModifiedAt": at, "lastModifiedByType": "Application"},
    }


def _check_place(path: Path, where: str, place: Any) -> None:
    if not isinstance(place, dict):
        raise SeedError(f"{path}: {where} must be an object with {', '.join(PLACE)}")
    for name in PLACE:
        if not isinstance(place.get(name), str) or not place[name]:
            raise SeedError(f"{path}: {where}.{name} is missing", hint=f"it needs {', '.join(PLACE)}")
