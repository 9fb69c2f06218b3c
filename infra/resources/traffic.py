"""The traffic of an endpoint: how its requests are split over its deployments, in percent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.resources.base import PREVIOUS_TAG, Live, Resource, State
from infra.resources.endpoint import begin_writing, rewritten


@dataclass(frozen=True)
class Traffic(Resource):
    """The traffic of an endpoint: everything to one deployment at first; a split that exists is kept."""

    endpoint: str
    deployment: str
    leaving: tuple[str, ...] = ()
    """The stack's other deployments, whose share moves to `deployment`."""
    previous: str = ""
    """The deployment for a rollback; it is stored in the endpoint's tag by the same request that moves the traffic."""

    kind: ClassVar[str] = "traffic"
    updatable: ClassVar[frozenset[str]] = frozenset({"traffic", "mirror_traffic"})
    exact: ClassVar[frozenset[str]] = updatable

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.endpoint

    @property
    def desired(self) -> State:
        """All requests to the deployment."""
        return {"traffic": {self.deployment: 100}}

    def settle(self, live: Live) -> State:
        """The live split, with the share of the leaving deployments moved to `deployment`.

        Traffic is no longer mirrored to deployments that get requests or are deleted.
        """
        split = dict(live.state.get("traffic") or {})
        moved = sum(split.pop(name, 0) for name in self.leaving)
        if moved:
            split[self.deployment] = split.get(self.deployment, 0) + moved
        to_delete = [name for name in self.leaving if name != self.previous]
        mirror = without(live.state.get("mirror_traffic"), [*nonzero(split), *to_delete])
        return {"traffic": split, "mirror_traffic": mirror}

    def read(self, cloud: Cloud) -> Live | None:
        """The live split; None where no deployment gets requests."""
        document = cloud.management.get(cloud.workspace.endpoint(self.endpoint))
        split, mirror = nonzero(_shares(document, "traffic")), nonzero(_shares(document, "mirrorTraffic"))
        return Live({"traffic": split, "mirror_traffic": mirror}, document=document) if document and split else None

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the split, and the deployment for a rollback into the endpoint's tag."""
        document = cloud.management.get(cloud.workspace.endpoint(self.endpoint)) or {}
        tags = {name: value for name, value in (document.get("tags") or {}).items() if name != PREVIOUS_TAG}
        previous = {PREVIOUS_TAG: self.previous} if self.previous else {}
        mirror = without(_shares(document, "mirrorTraffic"), nonzero(state["traffic"]))
        changes = {"tags": {**tags, **previous}, "mirror_traffic": mirror, **state}
        begin_writing(cloud, rewritten(document, changes))()

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write the split."""
        self.create(cloud, state)

    def delete(self, cloud: Cloud) -> None:
        """Take all requests from the deployment, which Azure requires before it deletes one."""
        stop_mirroring(cloud, self.endpoint, self.deployment)
        live = self.read(cloud)
        split = dict(live.state["traffic"]) if live else {}
        if split.pop(self.deployment, 0):
            self.create(cloud, {"traffic": rescaled(split)})


def stop_mirroring(cloud: Cloud, endpoint: str, deployment: str) -> None:
    """Stop mirroring traffic to a deployment, which Azure requires before it deletes it or gives it requests."""
    document = cloud.management.get(cloud.workspace.endpoint(endpoint))
    mirror = _shares(document, "mirrorTraffic")
    if document and mirror.get(deployment):
        begin_writing(cloud, rewritten(document, {"mirror_traffic": without(mirror, [deployment])}))()


def without(shares: Mapping[str, int] | None, names: Iterable[str]) -> dict[str, int]:
    """The shares of all deployments but these."""
    excluded = set(names)
    return {name: share for name, share in (shares or {}).items() if name not in excluded}


def _shares(document: Mapping[str, Any] | None, kind: str) -> dict[str, int]:
    return dict((document or {}).get("properties", {}).get(kind) or {})


def nonzero(split: dict[str, int] | None) -> dict[str, int]:
    """The split, sorted, without shares of zero, which Azure sometimes shows and sometimes leaves out."""
    return {name: share for name, share in sorted((split or {}).items()) if share}


def rescaled(split: dict[str, int]) -> dict[str, int]:
    """The split in the same proportions with a sum of 100, which Azure requires; empty where all shares are zero."""
    total = sum(split.values())
    if not total:
        return {}
    shares = {name: share * 100 // total for name, share in split.items()}
    first = next(iter(shares))
    return {**shares, first: shares[first] + 100 - sum(shares.values())}
