"""The model card of a catalog entry, rendered from `model_card.md.j2`."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from infra.digests import fingerprint
from infra.resources.templates import render

TEMPLATE = Path(__file__).with_suffix(".md.j2")


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

    @property
    def version(self) -> str:
        """Twelve hex digits that change with the template and with every value."""
        return fingerprint([TEMPLATE.read_text(encoding="utf-8"), asdict(self)])

    @property
    def text(self) -> str:
        """The rendered card, in Markdown."""
        return render(TEMPLATE, asdict(self))
