"""The endpoint's tag that tells how far requests have moved to a new deployment, or why they were moved back."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from infra.resources.base import CANARY_TAG

MOST = 256  # characters that Azure allows in the value of a tag
NOT_IN_TAG = re.compile(r"[^\x20-\x7e]+")  # what is not printable ASCII


class Canary(Struct, frozen=True, omit_defaults=True):
    """A rollout in steps: under way while `back` is empty; afterwards that says why requests were moved back."""

    new: str
    """The deployment that requests move to."""
    old: str
    """The deployment that they come from."""
    at: int = 0
    """The step, in percent of the stack's own share; 0 while requests are only mirrored."""
    since: str = ""
    """When the step began, or ended if requests were moved back: UTC, as in `2026-12-01T18:20:00Z`."""
    print: str = ""
    """The fingerprint of what was tried: the deployment's content and the limits."""
    back: str = ""

    @property
    def under_way(self) -> bool:
        """Whether requests are being moved."""
        return not self.back

    @property
    def place(self) -> str:
        """The step in words."""
        return f"at {self.at} %" if self.at else "while requests were mirrored"

    def to_tag(self) -> str:
        """The value of the tag: JSON that fits, in ASCII."""
        record = replace(self, back=NOT_IN_TAG.sub("?", self.back))
        over = len(msgspec.json.encode(record)) - MOST
        if over > 0:
            record = replace(record, back=record.back[:-over] or "?")
        return msgspec.json.encode(record).decode()


def canary_of(tags: Mapping[str, Any] | None) -> Canary | None:
    """The record in the tags of an endpoint; None where there is none, or one that nobody can read."""
    text = (tags or {}).get(CANARY_TAG)
    if not text:
        return None
    try:
        return msgspec.json.decode(str(text), type=Canary)
    except msgspec.MsgspecError:
        return None


def canary_among(tags: Mapping[str, Any] | None, names: Collection[str]) -> Canary | None:
    """The record if it is of deployments with these names, since several stacks may share an endpoint; else None."""
    canary = canary_of(tags)
    return canary if canary and {canary.new, canary.old} & set(names) else None
