"""Moves requests step by step: each step is one write of the endpoint's split, its mirroring and its tag."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.errors import Refused
from infra.resources.base import CANARY_TAG, PREVIOUS_TAG, State
from infra.resources.canary.record import Canary, canary_of
from infra.resources.canary.shares import Shares
from infra.resources.traffic import nonzero, rewrite, without


class Live(Struct, frozen=True):
    """What an endpoint does with its requests now."""

    traffic: dict[str, int]
    mirror: dict[str, int]
    canary: Canary | None

    @property
    def words(self) -> str:
        """The split in words."""
        return ", ".join(f"{name} {share} %" for name, share in self.traffic.items()) or "none"

    def was_moved_back(self, new: str, *, since: "Live") -> bool:
        """Whether somebody has ended the rollout of `new` since then: the split may be the same after mirroring."""
        canary = self.canary
        return bool(canary and canary.back and canary.new == new and canary != since.canary)


def read_live(cloud: Cloud, endpoint: str) -> Live:
    """The endpoint's split, its mirroring and its record."""
    return _live(cloud.management.get(cloud.workspace.endpoint(endpoint)))


def move(cloud: Cloud, endpoint: str, record: Canary, wanted: Live, expected: Live) -> None:
    """Write a step, unless somebody has changed the split or moved back, which raises `Refused` and is left as it is.

    What `gatelift rollback` would go back to is forgotten if it is what is tried now, in place of an earlier version.
    """

    def decide(document: Mapping[str, Any], written: bool) -> State | None:
        now, tags = _live(document), dict(document.get("tags") or {})
        other = now.traffic not in (wanted.traffic, expected.traffic) or (written and now.traffic != wanted.traffic)
        if other or now.was_moved_back(record.new, since=expected):
            raise changed_meanwhile(endpoint, now)
        if tags.get(PREVIOUS_TAG) == record.new:
            tags.pop(PREVIOUS_TAG)
        tags[CANARY_TAG] = record.to_tag()
        if (now.traffic, now.mirror, tags) == (wanted.traffic, wanted.mirror, document.get("tags")):
            return None
        return {"traffic": wanted.traffic, "mirror_traffic": wanted.mirror, "tags": tags}

    rewrite(cloud, endpoint, decide)


def move_back(cloud: Cloud, endpoint: str, record: Canary, shares: Shares) -> dict[str, int]:
    """Give the old deployment all that the stack's deployments get, in one write; returns the split.

    It is written whatever the split is by then: the requests of others are not touched.
    """

    def decide(document: Mapping[str, Any], _: bool) -> State | None:
        now, tags = _live(document), dict(document.get("tags") or {})
        split, mirror = shares.split(now.traffic, 0), without(now.mirror, [shares.new, shares.old])
        if (now.traffic, now.mirror, tags.get(CANARY_TAG)) == (split, mirror, record.to_tag()):
            return None
        return {"traffic": split, "mirror_traffic": mirror, "tags": {**tags, CANARY_TAG: record.to_tag()}}

    rewrite(cloud, endpoint, decide)
    return read_live(cloud, endpoint).traffic


def changed_meanwhile(endpoint: str, now: Live) -> Refused:
    """The error for a split that somebody else has written."""
    message = (
        f"the traffic of {endpoint} was changed meanwhile ({now.words}) and is kept as it is: the rollout stops here"
    )
    hint = "`gatelift up` goes on from this split, `gatelift rollback` moves everything back"
    return Refused(message, hint=hint, code="traffic_changed")


def _live(document: Mapping[str, Any] | None) -> Live:
    properties = (document or {}).get("properties", {})
    traffic, mirror = (nonzero(properties.get(kind)) for kind in ("traffic", "mirrorTraffic"))
    return Live(traffic, mirror, canary_of((document or {}).get("tags")))
