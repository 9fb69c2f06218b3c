"""The model card of a catalog entry, rendered from `model_card.md.j2`."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from infra.digests import fingerprint
from infra.resources.templates import render

TEMPLATE = Path(__file__).with_suffix(".md.j2")


EMBEDS = frozenset({"feature-extraction", "sentence-similarity"})
TEXT_ONLY = frozenset({"", "text-generation", "text2text-generation"})
NO_MEDIA = " This model takes text only: images and audio are refused."


class ModelCard(Struct, frozen=True):
    """What the card says. Its text is rendered only when the card is uploaded or shown."""

    model: str
    revision: str
    gated: bool
    served_name: str
    vllm_version: str
    connection: str
    key: str
    page: str
    reasoning: bool = False
    """Whether vLLM separates the model's reasoning, so that the Responses API is recommended."""
    task: str = ""
    license: str = ""
    updated: str = ""
    weights: str = ""
    """The model version with the weights, for a model that has no page on the Hub."""
    adapters: tuple[str, ...] = ()
    """The names of the LoRA adapters that are served beside it."""

    @property
    def version(self) -> str:
        """Twelve hex digits that change with the template and with every value."""
        return fingerprint([TEMPLATE.read_text(encoding="utf-8"), asdict(self)])

    @property
    def text(self) -> str:
        """The rendered card, in Markdown."""
        derived = {"embeds": self.task in EMBEDS, "inputs": NO_MEDIA if self.task in TEXT_ONLY else ""}
        return render(TEMPLATE, {**asdict(self), **derived})


def notice(model: str, until: str | None) -> str:
    """The sentence above the card of an entry that is hidden until a time; empty for one that is not."""
    if not until:
        return ""
    return (
        f"> **Invisible** {model} is not visible in the catalog until {until}, when it will switch to visible by "
        "itself, unless the tag invisibleUntil is removed or its time is changed.\n\n"
    )
