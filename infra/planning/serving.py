"""Which of an endpoint's deployments a stack means, read from Azure."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import NotFound
from infra.parallel import together
from infra.planning.observe import deployments
from infra.planning.rollout import Rollout, roll_out
from infra.resources.base import PREVIOUS_TAG, Live
from infra.resources.traffic import positive
from infra.spec.model import StackSpec


class Serving(Struct, frozen=True):
    """An endpoint as it is: its document, deployments and split, and what the spec means by them."""

    document: Mapping[str, Any]
    lives: Mapping[str, Live]
    traffic: Mapping[str, int]
    rollout: Rollout

    @property
    def name(self) -> str:
        """The deployment that the spec means."""
        return self.rollout.current

    @property
    def busiest(self) -> str:
        """The one that clients reach: the spec's if it gets requests, else the one that gets most."""
        if self.traffic.get(self.name):
            return self.name
        return max(self.traffic, key=lambda name: self.traffic[name], default=self.name)


def serving(cloud: Cloud, spec: StackSpec) -> Serving:
    """Read the endpoint and its deployments; `NotFound` where there is no endpoint."""
    name = spec.endpoint.name.lower()
    found: list[Any] = together(
        [lambda: cloud.management.get(cloud.workspace.endpoint(name)), lambda: deployments(cloud, name)]
    )
    document, lives = found
    if document is None:
        raise NotFound(f"there is no endpoint {name}", hint="`gatelift up` makes it", code="endpoint_not_found")
    traffic = positive(document.get("properties", {}).get("traffic"))
    previous = str((document.get("tags") or {}).get(PREVIOUS_TAG, ""))
    return Serving(document, lives, traffic, roll_out(spec, lives, traffic, previous))
