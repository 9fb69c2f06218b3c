"""How an endpoint's requests are split over its deployments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.resources.base import PREVIOUS_TAG, Live, Resource, State
from infra.resources.endpoint import begin_writing, rewritten


@dataclass(frozen=True)
class Traffic(Resource):
    """All of it to the deployment, unless somebody has split it already: a live split is kept."""

    endpoint: str
    deployment: str
    leaving: tuple[str, ...] = ()
    """This stack's other deployments: their share moves to the one that the spec means."""
    previous: str = ""
    """The one to which one can go back; noted in the very write that moves the requests."""

    kind: ClassVar[str] = "traffic"
    updatable: ClassVar[frozenset[str]] = frozenset({"traffic", "mirror_traffic"})
    exact: ClassVar[frozenset[str]] = updatable

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.endpoint

    @property
    def desired(self) -> State:
        """Everything to the deployment."""
        return {"traffic": {self.deployment: 100}}

    def settle(self, live: Live) -> State:
        """The live split, with the share of those that leave moved to ours; copies go to none that serves or leaves."""
        split = dict(live.state.get("traffic") or {})
        moved = sum(split.pop(name, 0) for name in self.leaving)
        if moved:
            split[self.deployment] = split.get(self.deployment, 0) + moved
        doomed = [name for name in self.leaving if name != self.previous]
        mirror = without(live.state.get("mirror_traffic"), [*positive(split), *doomed])
        return {"traffic": split, "mirror_traffic": mirror}

    def read(self, cloud: Cloud) -> Live | None:
        """The split as it is; none while nothing is set."""
        document = cloud.management.get(cloud.workspace.endpoint(self.endpoint))
        split, mirror = positive(_shares(document, "traffic")), positive(_shares(document, "mirrorTraffic"))
        return Live({"traffic": split, "mirror_traffic": mirror}, document=document) if document and split else None

    def create(self, cloud: Cloud, state: State) -> None:
        """Send requests to the deployment."""
        document = cloud.management.get(cloud.workspace.endpoint(self.endpoint)) or {}
        tags = {name: value for name, value in (document.get("tags") or {}).items() if name != PREVIOUS_TAG}
        noted = {PREVIOUS_TAG: self.previous} if self.previous else {}
        mirror = without(_shares(document, "mirrorTraffic"), positive(state["traffic"]))
        changes = {"tags": {**tags, **noted}, "mirror_traffic": mirror, **state}
        begin_writing(cloud, rewritten(document, changes))()

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Move the split."""
        self.create(cloud, state)

    def delete(self, cloud: Cloud) -> None:
        """No requests to the deployment: Azure deletes none that has any."""
        stop_mirroring(cloud, self.endpoint, self.deployment)
        live = self.read(cloud)
        split = dict(live.state["traffic"]) if live else {}
        if split.pop(self.deployment, 0):
            self.create(cloud, {"traffic": rescaled(split)})


def stop_mirroring(cloud: Cloud, endpoint: str, deployment: str) -> None:
    """No copies of requests to a deployment: Azure deletes none that gets any, and gives it no requests either."""
    document = cloud.management.get(cloud.workspace.endpoint(endpoint))
    mirror = _shares(document, "mirrorTraffic")
    if document and mirror.get(deployment):
        begin_writing(cloud, rewritten(document, {"mirror_traffic": without(mirror, [deployment])}))()


def without(shares: Mapping[str, int] | None, names: Iterable[str]) -> dict[str, int]:
    """The shares of all others."""
    gone = set(names)
    return {name: share for name, share in (shares or {}).items() if name not in gone}


def _shares(document: Mapping[str, Any] | None, kind: str) -> dict[str, int]:
    return dict((document or {}).get("properties", {}).get(kind) or {})


def positive(split: dict[str, int] | None) -> dict[str, int]:
    """The split without those that get nothing, which Azure shows or leaves out as it likes."""
    return {name: share for name, share in sorted((split or {}).items()) if share}


def rescaled(split: dict[str, int]) -> dict[str, int]:
    """The same proportions with the sum that Azure wants: 100, or nothing at all."""
    total = sum(split.values())
    if not total:
        return {}
    shares = {name: share * 100 // total for name, share in split.items()}
    first = next(iter(shares))
    return {**shares, first: shares[first] + 100 - sum(shares.values())}
