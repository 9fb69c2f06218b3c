"""Quota of cores by region and VM family: granted, used, and needed for a deployment."""

import json
import math
import uuid

from infra.emulator.arm.call import invalid, subscription_of
from infra.emulator.arm.quota.vm_sizes import FAMILIES, VmSize, vm_size
from infra.emulator.errors import ServiceError
from infra.emulator.state.store import Document
from infra.emulator.world import World

DEFAULT_LIMIT = 10_000
# The limit of a CPU family that a region's quota does not name; that of a GPU family is 0, as on Azure.
UNNAMED_CPU_FAMILY = 100
GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-outofquota"


def cores_needed(size: VmSize, instances: int) -> int:
    """The cores of a deployment, with 20 % more instances reserved for upgrades, rounded up."""
    counted = instances if size.exempt else math.ceil(round(1.2 * instances, 6))
    return counted * size.cores


def limit(world: World, region: str, family: str) -> int:
    """Cores granted in a region to a family."""
    granted = world.store.record("quota", region.lower())
    if granted is None:
        return DEFAULT_LIMIT
    by_name = {_plain(name): cores for name, cores in granted.items()}
    is_gpu = _plain(family).startswith(("standardnc", "standardnd", "standardnv"))
    return int(by_name.get(_plain(family), 0 if is_gpu else UNNAMED_CPU_FAMILY))


def usage(world: World, subscription: str, region: str, *, besides: str = "") -> dict[str, int]:
    """Cores that the deployments of a subscription hold in a region, by family."""
    used = dict.fromkeys(FAMILIES, 0)
    for document in world.store.of_type("deployments"):
        same_place = subscription_of(document["id"]).lower() == subscription.lower() and document["location"] == region
        size = vm_size(document["properties"].get("instanceType") or "")
        if same_place and size and document["id"].lower() != besides.lower():
            used[size.family] += cores_needed(size, document["sku"]["capacity"])
    return used


def check_quota(world: World, deployment_id: str, region: str, size: VmSize, instances: int) -> None:
    """400 with Azure's message unless the deployment fits into the quota."""
    subscription = subscription_of(deployment_id)
    used = usage(world, subscription, region, besides=deployment_id)[size.family]
    before = world.store.get(deployment_id)
    held = cores_needed(size, before["sku"]["capacity"]) if before else 0
    granted = limit(world, region, size.family)
    needed = cores_needed(size, instances)
    if used + needed <= granted or needed <= held:
        return
    raise create_failed(
        {
            "VmSize": [
                f"Not enough quota available for {size.name} in SubscriptionId {subscription}. Current usage/limit: "
                f"{used + held}/{granted}. Additional needed: {needed - held} {GUIDE}"
            ]
        }
    )


def create_failed(errors: dict[str, list[str]], code: str = "InferencingClientCreateDeploymentFailed") -> ServiceError:
    """A refusal of the inferencing service as Azure ML passes it on: JSON inside a sentence."""
    inner: Document = {
        "errors": errors,
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "traceId": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
    }
    return invalid(f"InferencingClient HttpRequest error, error detail: {json.dumps(inner)}", code=code)


def _plain(family: str) -> str:
    return family.replace(" ", "").lower()
