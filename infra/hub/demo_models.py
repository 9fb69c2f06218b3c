"""The two gated models that the emulated Hub offers by default, and the folders of their weights on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.paths import models_dir

# The number is increased when demo_weights.py changes, so that older weights in the cache are replaced.
READY_MARK = ".complete-2"


@dataclass(frozen=True)
class DemoModel:
    """A model of the emulated Hub; `gated` has the Hub's values, `license` is from the model card."""

    id: str
    gated: str
    license: str
    summary: str

    def folder(self, environ: Mapping[str, str]) -> Path:
        """The folder of the weights; complete only if `is_ready`."""
        return models_dir(environ) / self.id.replace("/", "--")

    def is_ready(self, environ: Mapping[str, str]) -> bool:
        """Whether the weights have been prepared on this machine."""
        return (self.folder(environ) / READY_MARK).is_file()


SMOLLM2 = DemoModel(
    id="HuggingFaceTB/SmolLM2-135M-Instruct",
    gated="auto",
    license="apache-2.0",
    summary="a small chat model with real weights",
)
RANDOM_REASONING = DemoModel(
    id="azure-testing/random-gated-chat-completion",
    gated="manual",
    license="mit",
    summary="a reasoning chat model with random weights",
)
DEMO_MODELS = (SMOLLM2, RANDOM_REASONING)


def demo_model(repo_id: str) -> DemoModel | None:
    """The demo model with this Hub id; None for any other model."""
    return next((model for model in DEMO_MODELS if model.id == repo_id), None)
