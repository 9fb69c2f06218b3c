"""Reads an endpoint from Azure and finds the deployment that serves the spec."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.planning.observe import endpoint_with_deployments
from infra.planning.rollout import Rollout, Steps, roll_out
from infra.resources.base import PREVIOUS_TAG, Live
from infra.resources.canary.record import Canary, canary_among
from infra.resources.scaling.parked import Parked, parked_in
from infra.resources.traffic import nonzero
from infra.spec.model import StackSpec


class Serving(Struct, frozen=True):
    """An endpoint as it exists.

    `document` is Azure's, `deployments` and `traffic` (percent, without zeros) are by name, and `rollout` says which
    deployment is the spec's.
    """

    document: Mapping[str, Any]
    deployments: Mapping[str, Live]
    traffic: Mapping[str, int]
    rollout: Rollout
    canary: Canary | None = None
    """How far requests have moved to a new deployment of the stack, or why they were moved back."""

    @property
    def name(self) -> str:
        """The name of the spec's deployment."""
        return self.rollout.current

    @property
    def parked(self) -> Parked | None:
        """Since when the stack is parked; None where it is not."""
        return parked_in(self.document)

    @property
    def busiest(self) -> str:
        """The deployment that clients reach: the spec's if it gets requests, else the one that gets the most."""
        if self.traffic.get(self.name):
            return self.name
        return max(self.traffic, key=lambda name: self.traffic[name], default=self.name)


def serving(cloud: Cloud, spec: StackSpec) -> Serving:
    """Read the endpoint and its deployments; raises `NotFound` where there is no endpoint, or not even a workspace."""
    document, live_deployments = endpoint_with_deployments(cloud, spec.endpoint.name.lower())
    traffic = nonzero(document.get("properties", {}).get("traffic"))
    previous = str((document.get("tags") or {}).get(PREVIOUS_TAG, ""))
    own = [each for each, live in live_deployments.items() if live.owner == spec.name]
    canary = canary_among(document.get("tags"), own)
    rollout = roll_out(spec, live_deployments, traffic, previous, Steps(canary))
    return Serving(document, live_deployments, traffic, rollout, canary)
