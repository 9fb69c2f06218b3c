"""What was found out about the spec's model and its adapters before a plan is made."""

from msgspec import Struct

from infra.hub.facts import ModelFacts
from infra.resources.weights.version import Weights


class FoundAdapter(Struct, frozen=True):
    """A LoRA adapter: read from the Hub when a container starts, or from `uri`, a folder of the workspace's storage."""

    name: str
    facts: ModelFacts
    weights: Weights | None = None
    """What has to be in the workspace; None where the container reads it from the Hub."""
    url: str = ""
    """The HTTPS address of the folder from which the container reads it."""


class Found(Struct, frozen=True):
    """The model and its adapters; a model of the Hub that containers download has neither weights nor mount."""

    facts: ModelFacts
    weights: Weights | None = None
    """What has to be in the workspace before the deployment."""
    mount: str = ""
    """The model version that containers mount: `azureml:NAME:VERSION`, or of a registry."""
    adapters: tuple[FoundAdapter, ...] = ()

    @property
    def in_workspace(self) -> list[Weights]:
        """Everything that has to be in the workspace, each once."""
        every = [self.weights, *(adapter.weights for adapter in self.adapters)]
        return list({weights.name: weights for weights in every if weights}.values())

    @property
    def needs_token(self) -> bool:
        """Whether a container needs a token of the Hub: for what it downloads itself."""
        downloaded = [] if self.mount else [self.facts]
        downloaded += [adapter.facts for adapter in self.adapters if not adapter.url]
        return any(facts.needs_token for facts in downloaded)
