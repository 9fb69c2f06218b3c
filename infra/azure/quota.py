"""Checks, before anything is created, whether the quota in the region is enough for a deployment.

Azure reserves a fifth more instances than requested, rounded up, for upgrades; some GPU sizes are exempt. Source:
Azure ML "Virtual machine quota allocation for deployment"; the sizes are those of infra/sizing/instance_types.py.
"""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, Refused
from infra.sizing.instance_types import INSTANCE_TYPES


class Size(Struct, frozen=True):
    """A VM size: its quota family, its cores, and whether it is exempt from the reserve."""

    family: str
    cores: int
    exempt: bool = False


SIZES = {name: Size(each.family, each.cores, each.exempt) for name, each in INSTANCE_TYPES.items()}


class FamilyQuota(Struct, frozen=True):
    """A VM family's quota in a region, in cores: the limit, what is used, and what the deployment needs in addition."""

    family: str
    limit: int
    used: int
    needed: int

    @property
    def enough(self) -> bool:
        """Whether the quota is enough; a negative limit means that there is none."""
        return self.limit < 0 or self.used + self.needed <= self.limit


def cores_needed(size: Size, instances: int) -> int:
    """The cores of quota that Azure requires for so many instances, reserve included."""
    reserved = instances if size.exempt else math.ceil(1.2 * instances - 1e-9)
    return reserved * size.cores


def family_quota(usages: list[Mapping[str, Any]], size: Size, *, wanted: int, running: int) -> FamilyQuota | None:
    """The quota of the size's family, from the region's `usages`; None where these do not list the family."""
    for usage in usages:
        name = usage.get("name") or {}
        if _same(name.get("value", ""), size.family) or _same(name.get("localizedValue", ""), size.family):
            needed = (
                max(cores_needed(size, wanted) - cores_needed(size, running), 0)
                if running
                else cores_needed(size, wanted)
            )
            return FamilyQuota(size.family, int(usage.get("limit", -1)), int(usage.get("currentValue", 0)), needed)
    return None


def size_of(cloud: Cloud, instance_type: str) -> Size | None:
    """The size of an instance type, from the table above or the region's `vmSizes`; None where neither has it."""
    if instance_type.lower() in SIZES:
        return SIZES[instance_type.lower()]
    for size in _of_region(cloud, "vmSizes"):
        if str(size.get("name", "")).lower() == instance_type.lower():
            return Size(str(size.get("family", "")), int(size.get("vCPUs", 0)))
    return None


def check_quota(
    cloud: Cloud, instance_type: str, *, wanted: int, running: int, freed: Mapping[str, int] | None = None
) -> FamilyQuota | None:
    """Raise `Refused` where the quota is too small for `wanted` instances, of which `running` exist already.

    `freed` are the instances that are deleted before, by instance type. Returns the quota, or None where none is
    needed, or where Azure does not list it or the caller may not read it.
    """
    if wanted <= running:
        return None
    location, size = cloud.region, size_of(cloud, instance_type)
    usages = _of_region(cloud, "usages") if size else []
    quota = family_quota(usages, size, wanted=wanted, running=running) if size else None
    if quota and size and freed:
        sizes = {each: size_of(cloud, each) for each in freed}
        cores = [cores_needed(found, freed[each]) for each, found in sizes.items() if found and _family(found, size)]
        quota = replace(quota, used=max(quota.used - sum(cores), 0))
    if quota and not quota.enough:
        message = (
            f"not enough quota for {wanted} x {instance_type} in {location}: family {quota.family} has a limit of "
            f"{quota.limit} cores, {quota.used} are used, {quota.needed} more are needed"
        )
        hint = "choose a smaller instance_type or another region, or ask for more quota in Azure ML studio"
        raise Refused(message, hint=hint, code="OutOfQuota")
    return quota


def _of_region(cloud: Cloud, collection: str) -> list[Any]:
    """The region's `usages` or `vmSizes`; empty for who has a role on the group or workspace alone, as CI should."""
    try:
        return cloud.management.list(cloud.workspace.in_location(cloud.region, collection))
    except AccessDenied as error:
        if error.code != "AuthorizationFailed":
            raise
        return []


def _family(one: Size, other: Size) -> bool:
    return _same(one.family, other.family)


def _same(one: str, other: str) -> bool:
    return one.replace(" ", "").lower() == other.replace(" ", "").lower()
