"""What is beside a stack in its workspace, and what `gatelift down` decides about one resource."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from infra.planning.plan import Change
from infra.resources.base import Live, owner_of


class Removal(Struct, frozen=True):
    """One resource to delete; lower waves go first, and `run` is None for a resource that is kept."""

    change: Change
    wave: int
    run: Callable[[], None] | None = None


class Entry(Struct, frozen=True):
    """One version of a catalog entry."""

    id: str
    live: Live


class Neighbours(Struct):
    """What is beside the stack in its workspace: what may refer to the things that stacks share."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    """Every endpoint."""
    others: list[dict[str, Any]] = field(default_factory=list)
    """The endpoints that stay as they are."""
    going: list[Live] = field(default_factory=list)
    """The deployments to be deleted."""
    staying: list[Live] = field(default_factory=list)
    """Those that are not."""
    beginning: list[str] = field(default_factory=list)
    """The stacks without a deployment yet, and those whose `up` is running: they may be about to use what is there."""

    @property
    def owners(self) -> set[str]:
        """The stacks that own an endpoint."""
        return {owner_of(document.get("tags")) for document in self.documents} - {""}

    @property
    def beginners(self) -> str:
        """Why something is kept for the stacks that are being made; empty where there is none."""
        names = ", ".join(sorted(set(self.beginning)))
        return (
            f"kept: {names} is being made or changed and may use it; run `gatelift down` again later" if names else ""
        )


def owner_words(live: Live) -> str:
    """Who owns a deployment, for a sentence."""
    return f"the stack {live.owner}" if live.owner else "a deployment of somebody else"


def asset_name(id: str) -> str:
    """`NAME:VERSION` of an asset version's id."""
    parts = id.split("/")
    return f"{parts[-3]}:{parts[-1]}"
