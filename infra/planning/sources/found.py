"""What was found out about the spec's model and its adapters before a plan is made."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from infra.resources.base import Resource
from infra.resources.weights.given import GivenWeights
from infra.resources.weights.version import Weights
from infra.spec.model import StackSpec

RECORDED = ("gated", "private", "license", "task", "weights", "updated", "base")


class Asked(Struct, frozen=True):
    """Whom to ask about a spec's model; `cache` is the folder in which hashes of large files are remembered."""

    spec: StackSpec
    cloud: Cloud
    hub: Hub
    token: str | None
    cache: Path

    def __repr__(self) -> str:
        """The stack's name only, so that the token is never printed."""
        return f"Asked({self.spec.name!r})"


class FoundAdapter(Struct, frozen=True):
    """A LoRA adapter: read from the Hub when a container starts, or from `url`, a folder of the workspace's storage."""

    name: str
    facts: ModelFacts
    weights: Weights | GivenWeights | None = None
    """What has to be in the workspace; None where the container reads it from the Hub."""
    url: str = ""
    """The HTTPS address of the folder from which the container reads it."""
    base: str = ""
    """The model that it was made for; empty where it does not say."""

    def to_container(self) -> dict[str, str]:
        """What the container is told of it."""
        if self.url:
            return {"name": self.name, "url": self.url}
        return {"name": self.name, "model": self.facts.id, "revision": self.facts.revision}


class Found(Struct, frozen=True):
    """The model and its adapters; a model of the Hub that containers download has neither weights nor mount."""

    facts: ModelFacts
    weights: Weights | GivenWeights | None = None
    """What has to be in the workspace before the deployment."""
    mount: str = ""
    """The model version that containers mount: `azureml:NAME:VERSION`, or of a registry."""
    adapters: tuple[FoundAdapter, ...] = ()

    @property
    def in_workspace(self) -> list[Resource]:
        """Everything that has to be in the workspace, each once."""
        every = [self.weights, *(adapter.weights for adapter in self.adapters)]
        return list({weights.name: weights for weights in every if weights}.values())

    @property
    def needs_token(self) -> bool:
        """Whether a container needs a token of the Hub: for what it downloads itself."""
        downloaded = [] if self.mount else [self.facts]
        downloaded += [adapter.facts for adapter in self.adapters if not adapter.url]
        return any(facts.needs_token for facts in downloaded)

    @property
    def downloads(self) -> list[str]:
        """The ids of the Hub's repositories that a container downloads."""
        found = [] if self.mount else [self.facts.id]
        return found + [adapter.facts.id for adapter in self.adapters if not adapter.url]


def recorded(facts: ModelFacts) -> str:
    """The facts as JSON, as a version in the workspace keeps them."""
    known = {name: getattr(facts, name) for name in RECORDED}
    return json.dumps({name: value for name, value in known.items() if value}, sort_keys=True)


def read_recorded(text: str, id: str, revision: str) -> ModelFacts:
    """The facts in what `recorded` has written; unknown ones where somebody has damaged it."""
    try:
        kept: dict[str, Any] = json.loads(text)
        return ModelFacts(id, revision, **{name: kept[name] for name in RECORDED if name in kept})
    except (ValueError, LookupError, TypeError):
        return ModelFacts(id, revision)
