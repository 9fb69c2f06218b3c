"""The traffic of an endpoint: how its requests are split over its deployments, in percent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.azure.arrivals import WORKING
from infra.azure.cloud import Cloud
from infra.errors import OperationFailed
from infra.resources.base import CANARY_TAG, PARKED_TAG, PREVIOUS_TAG, Live, Resource, State
from infra.resources.canary.record import canary_among, canary_of
from infra.resources.endpoint import begin_writing, rewritten

MOST_TRIES = 5
GONE = (PREVIOUS_TAG, PARKED_TAG, CANARY_TAG)  # tags that say of the traffic what is no longer true once it moves
Decide = Callable[[Mapping[str, Any], bool], State | None]
"""What to change of an endpoint's document, None for nothing; told whether the last change was written."""


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
    updatable: ClassVar[frozenset[str]] = frozenset({"traffic", "mirror_traffic", "canary"})
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

        Traffic is no longer mirrored to deployments that get requests or are deleted; a rollout in steps is over.
        """
        split = dict(live.state.get("traffic") or {})
        moved = sum(split.pop(name, 0) for name in self.leaving)
        if moved:
            split[self.deployment] = split.get(self.deployment, 0) + moved
        to_delete = [name for name in self.leaving if name != self.previous]
        mirror = without(live.state.get("mirror_traffic"), [*nonzero(split), *to_delete])
        over = {"canary": None} if self._is_own(live.state.get("canary")) else {}
        return {"traffic": split, "mirror_traffic": mirror, **over}

    def read(self, cloud: Cloud) -> Live | None:
        """The live split; None where no deployment gets requests."""
        document = cloud.management.get(cloud.workspace.endpoint(self.endpoint))
        split, mirror = nonzero(_shares(document, "traffic")), nonzero(_shares(document, "mirrorTraffic"))
        if not document or not split:
            return None
        tag = (document.get("tags") or {}).get(CANARY_TAG)
        step = {"canary": tag} if tag else {}
        return Live({"traffic": split, "mirror_traffic": mirror, **step}, document=document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Write the split, and the deployment for a rollback into the endpoint's tag."""
        self._move(cloud, state, {"traffic": {}})

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Write the split, unless somebody has changed it since it was read: then that one is kept, and told."""
        self._move(cloud, state, live.state)

    def _move(self, cloud: Cloud, state: State, expected: State) -> None:
        """Write the split if the present one is still the expected one; mirrored shares are decided on their own."""
        wanted = nonzero(state["traffic"])

        def decide(document: Mapping[str, Any], written: bool) -> State | None:
            now, mirror = nonzero(_shares(document, "traffic")), nonzero(_shares(document, "mirrorTraffic"))
            before = document.get("tags") or {}
            gone = GONE if self._is_own(before.get(CANARY_TAG)) else (PREVIOUS_TAG, PARKED_TAG)
            tags = {name: value for name, value in before.items() if name not in gone}
            if self.previous:
                tags[PREVIOUS_TAG] = self.previous
            mirrored = without(state.get("mirror_traffic", mirror), wanted)
            if "mirror_traffic" in expected and mirror != nonzero(expected["mirror_traffic"]):
                mirrored = without(mirror, wanted)  # somebody's change: kept as far as Azure allows
                if mirrored != mirror:
                    cloud.reporter.note(
                        f"{self.endpoint}: nothing is mirrored to {', '.join(wanted)}, which gets requests"
                    )
            if now not in (wanted, nonzero(expected["traffic"])) or (written and now != wanted):
                cloud.reporter.note(_kept(self.endpoint, now, wanted))
                return None
            if written or (now == wanted and mirror == mirrored and tags == (document.get("tags") or {})):
                return None
            return {"tags": tags, "traffic": state["traffic"], "mirror_traffic": mirrored}

        rewrite(cloud, self.endpoint, decide)

    def _is_own(self, canary: str | None) -> bool:
        """Whether a record of a rollout in steps is of the stack's own deployments, or of none that can be read."""
        tags = {CANARY_TAG: canary}
        return bool(canary and (canary_among(tags, (self.deployment, *self.leaving)) or not canary_of(tags)))

    def delete(self, cloud: Cloud) -> None:
        """Take all requests from the deployment, which Azure requires before it deletes one."""

        def decide(document: Mapping[str, Any], _: bool) -> State | None:
            split, mirror = nonzero(_shares(document, "traffic")), nonzero(_shares(document, "mirrorTraffic"))
            if self.deployment not in split and self.deployment not in mirror:
                return None
            left = rescaled(without(split, [self.deployment])) if self.deployment in split else split
            return {"traffic": left, "mirror_traffic": without(mirror, [self.deployment, *left])}

        rewrite(cloud, self.endpoint, decide)


def stop_mirroring(cloud: Cloud, endpoint: str, deployment: str) -> None:
    """Stop mirroring traffic to a deployment, which Azure requires before it deletes it or gives it requests."""

    def decide(document: Mapping[str, Any], _: bool) -> State | None:
        mirror = nonzero(_shares(document, "mirrorTraffic"))
        return {"mirror_traffic": without(mirror, [deployment])} if deployment in mirror else None

    rewrite(cloud, endpoint, decide)


def rewrite(cloud: Cloud, endpoint: str, decide: Decide) -> None:
    """Write what `decide` makes of the endpoint as it is at that moment, until it makes nothing more of it.

    Endpoints have no ETags, so the moment between reading and writing is kept short, and what was written is read
    again. Where somebody else changes the endpoint at the same time, Azure cancels one of the two: it is decided again.
    """
    id, written = cloud.workspace.endpoint(endpoint), False
    for tries in range(1, MOST_TRIES + 1):
        document = cloud.management.get(id)
        if document and document.get("properties", {}).get("provisioningState") in WORKING:
            cloud.poller.wait_for_running(document)
            document = cloud.management.get(id)
        if not document or (changes := decide(document, written)) is None:
            return
        try:
            written = False
            begin_writing(cloud, rewritten(document, changes))()
            written = True
        except OperationFailed as error:
            if error.code != "OperationCanceled" or tries == MOST_TRIES:
                raise
            cloud.reporter.note(
                f"somebody else is changing the endpoint {endpoint}: deciding again on what is there then"
            )


def _kept(endpoint: str, now: Mapping[str, int], wanted: Mapping[str, int]) -> str:
    shown, instead = (
        ", ".join(f"{name} {share} %" for name, share in split.items()) or "none" for split in (now, wanted)
    )
    return (
        f"the traffic of {endpoint} was changed meanwhile ({shown}) and is kept as it is, instead of {instead}; "
        "`gatelift plan` shows what is left to do"
    )


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
