"""How a stack stands: its endpoint, its own deployments on it, and whether it is parked."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import Refused
from infra.planning.observe import endpoint_with_deployments
from infra.planning.plan import WORKING
from infra.resources.base import Live, owner_of
from infra.resources.scaling.parked import Parked, parked_in
from infra.resources.traffic import nonzero
from infra.spec.model import StackSpec


class Standing(Struct, frozen=True):
    """An endpoint's document, the stack's deployments on it, and those of others."""

    document: Mapping[str, Any]
    own: Mapping[str, Live]
    others: Mapping[str, Live]

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return str(self.document["name"])

    @property
    def parked(self) -> Parked | None:
        """Since when the stack is parked; None where it is not."""
        return parked_in(self.document)

    @property
    def traffic(self) -> dict[str, int]:
        """Each deployment's share of the requests in percent, without zeros."""
        return nonzero(self.document.get("properties", {}).get("traffic"))


def look_when_settled(spec: StackSpec, cloud: Cloud) -> Standing:
    """The same, once no operation of an earlier run is changing the endpoint itself."""
    standing = look(spec, cloud)
    if standing.document["properties"].get("provisioningState") not in WORKING:
        return standing
    cloud.poller.wait_for_running(standing.document)
    return look(spec, cloud)


def look(spec: StackSpec, cloud: Cloud) -> Standing:
    """Read it; raises `NotFound` where there is no endpoint, and `Refused` where it is not the stack's own."""
    name = spec.endpoint.name.lower()
    document, found = endpoint_with_deployments(cloud, name)
    if (owner := owner_of(document.get("tags"))) != spec.name:
        whose = f"the stack {owner}" if owner else "somebody else"
        hint = "take it over with `gatelift adopt`, or correct endpoint.name"
        raise Refused(f"the endpoint {name} belongs to {whose}", hint=hint, code="not_ours")
    own = {each: live for each, live in found.items() if live.owner == spec.name}
    return Standing(document, own, {each: live for each, live in found.items() if each not in own})
