"""Whether the region has the cores for a deployment, asked before anything is created.

Azure reserves a fifth more instances than asked for, rounded up, for upgrades; some GPU sizes are exempt. Source:
Azure ML "Virtual machine quota allocation for deployment" and the list of supported sizes.
"""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import Refused


class Size(Struct, frozen=True):
    """A VM size: its quota family, its cores, and whether it is exempt from the reserve."""

    family: str
    cores: int
    exempt: bool = False


SIZES: dict[str, Size] = {
    "standard_nc4as_t4_v3": Size("standard NCASv3_T4 Family", 4),
    "standard_nc8as_t4_v3": Size("standard NCASv3_T4 Family", 8),
    "standard_nc16as_t4_v3": Size("standard NCASv3_T4 Family", 16),
    "standard_nc64as_t4_v3": Size("standard NCASv3_T4 Family", 64),
    "standard_nv6ads_a10_v5": Size("standardNVADSA10v5Family", 6),
    "standard_nv12ads_a10_v5": Size("standardNVADSA10v5Family", 12),
    "standard_nv18ads_a10_v5": Size("standardNVADSA10v5Family", 18),
    "standard_nv36ads_a10_v5": Size("standardNVADSA10v5Family", 36),
    "standard_nv36adms_a10_v5": Size("standardNVADSA10v5Family", 36),
    "standard_nv72ads_a10_v5": Size("standardNVADSA10v5Family", 72),
    "standard_nc24ads_a100_v4": Size("standardNCADSA100v4Family", 24, True),
    "standard_nc48ads_a100_v4": Size("standardNCADSA100v4Family", 48, True),
    "standard_nc96ads_a100_v4": Size("standardNCADSA100v4Family", 96, True),
    "standard_nc40ads_h100_v5": Size("standardNCADSH100v5Family", 40, True),
    "standard_nc80adis_h100_v5": Size("standardNCADSH100v5Family", 80, True),
    "standard_nd96asr_v4": Size("standard NDASv4_A100 Family", 96, True),
    "standard_nd96amsr_a100_v4": Size("standard NDAMSv4_A100Family", 96, True),
    "standard_nd96isr_h100_v5": Size("standardNDv5H100Family", 96, True),
    "standard_nd96is_h100_v5": Size("standardNDv5H100Family", 96, True),
    "standard_nd40rs_v2": Size("standardNDSv2Family", 40, True),
}


class Room(Struct, frozen=True):
    """What a family has in a region and what a deployment needs on top of what runs."""

    family: str
    limit: int
    used: int
    needed: int

    @property
    def enough(self) -> bool:
        """A negative limit means none."""
        return self.limit < 0 or self.used + self.needed <= self.limit


def cores_needed(size: Size, instances: int) -> int:
    """The cores that Azure wants to see for so many instances."""
    reserved = instances if size.exempt else math.ceil(1.2 * instances - 1e-9)
    return reserved * size.cores


def room(usages: list[Mapping[str, Any]], size: Size, *, wanted: int, running: int) -> Room | None:
    """The family's room, or None where Azure does not list it."""
    for usage in usages:
        name = usage.get("name") or {}
        if _same(name.get("value", ""), size.family) or _same(name.get("localizedValue", ""), size.family):
            needed = (
                max(cores_needed(size, wanted) - cores_needed(size, running), 0)
                if running
                else cores_needed(size, wanted)
            )
            return Room(size.family, int(usage.get("limit", -1)), int(usage.get("currentValue", 0)), needed)
    return None


def find_size(name: str, sizes: list[Mapping[str, Any]]) -> Size | None:
    """A size by our table, else by the region's own list."""
    if name.lower() in SIZES:
        return SIZES[name.lower()]
    for size in sizes:
        if str(size.get("name", "")).lower() == name.lower():
            return Size(str(size.get("family", "")), int(size.get("vCPUs", 0)))
    return None


def check_quota(cloud: Cloud, instance_type: str, *, wanted: int, running: int) -> Room | None:
    """Raise `Refused` with the numbers where `wanted` instances do not fit; None where Azure does not tell."""
    if wanted <= running:
        return None
    location = cloud.region
    size = SIZES.get(instance_type.lower())
    if size is None:
        size = find_size(instance_type, cloud.management.list(cloud.workspace.in_location(location, "vmSizes")))
    usages = cloud.management.list(cloud.workspace.in_location(location, "usages")) if size else []
    found = room(usages, size, wanted=wanted, running=running) if size else None
    if found and not found.enough:
        message = (
            f"not enough quota for {wanted} x {instance_type} in {location}: family {found.family} has a limit of "
            f"{found.limit} cores, {found.used} are used, {found.needed} more are needed"
        )
        hint = "choose a smaller instance_type or another region, or ask for more quota in Azure ML studio"
        raise Refused(message, hint=hint, code="OutOfQuota")
    return found


def _same(one: str, other: str) -> bool:
    return one.replace(" ", "").lower() == other.replace(" ", "").lower()
