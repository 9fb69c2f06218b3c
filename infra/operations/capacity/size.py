"""`gatelift size`: on which GPU sizes a model fits, what they cost, and how fast it would answer."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.prices.prices import Prices
from infra.errors import GateliftError
from infra.hub.access import Hub
from infra.operations.capacity.reading import ReadModel, read_from_folder, read_from_hub
from infra.sizing.fit import Model, Wanted
from infra.sizing.instance_types import INSTANCE_TYPES, InstanceType
from infra.sizing.offers import Offer, best_of, offers_of
from infra.sizing.overhead import read_widths
from infra.sizing.quantization import OFFERED
from infra.sizing.setting import Setting
from infra.spec.model_source import ModelSpec

USUAL_CONTEXT = 8192
"""Tokens of a request, where nobody says how long they are."""


class Question(Struct, frozen=True):
    """What is asked: the arguments that are given, what it has to hold, and where."""

    setting: Setting
    region: str
    concurrency: int = 1
    region_given: bool = True
    """Whether somebody named the region."""
    usual: bool = True
    """Whether requests are of a usual length where nothing is said of one; else of the model's own, as vLLM does."""
    only: InstanceType | None = None
    chosen: str = ""
    """The instance type of the spec, as the table spells it where it has it."""


class Sized(Struct, frozen=True):
    """The answer: every size, those that fit first."""

    model: Model
    read: ReadModel
    question: Question
    wanted: Wanted
    offers: tuple[Offer, ...]
    best: Offer | None
    quantized: Offer | None
    """The best one for the weights that vLLM would quantize on load; None where they are quantized already."""
    currency: str
    prices_note: str


def read_source(source: ModelSpec, hub: Hub, token: str | None) -> ReadModel:
    """Read the model of a spec; raises the Hub's errors, and `GateliftError` for what is only in Azure."""
    if source.path:
        return read_from_folder(Path(source.path))
    if source.hub_id and not source.brings_container:
        return read_from_hub(hub, source.hub_id, source.revision, token)
    what = "comes with its own container" if source.brings_container else "is a model asset"
    raise GateliftError(
        f"{source.label} {what}, whose files gatelift does not read for this",
        hint="name the model of the Hub or the folder that it was made from: `gatelift size org/name`",
        code="model_not_readable",
    )


def same_reason(offers: Sequence[Offer]) -> str:
    """Why it fits on none of them, where it is the same reason everywhere; else empty."""
    reasons = {offer.fit.why for offer in offers if offer.fit.instance.runs}
    return reasons.pop() if len(reasons) == 1 else ""


def model_of(label: str, read: ReadModel) -> Model:
    """What of a model that was read decides where it fits."""
    return Model(label, read.architecture, read.weights, read_widths(read.config, read.architecture), read.disk)


def size_model(label: str, read: ReadModel, question: Question, prices: Prices) -> Sized:
    """Compare the sizes for a model that was read."""
    architecture = read.architecture
    model = model_of(label, read)
    own = architecture.longest or USUAL_CONTEXT
    context = question.setting.max_model_len or (
        min(own, USUAL_CONTEXT) if question.usual or question.setting.fitted else own
    )
    wanted = Wanted(context, question.concurrency)
    sizes = [question.only] if question.only else list(INSTANCE_TYPES.values())
    found = prices.hourly(question.region, [size.name for size in sizes])
    hours = {name: price.hour for name, price in found.items()}
    offers = offers_of(model, question.setting, wanted, sizes, hours)
    quantized = None
    if not architecture.quantization and not question.setting.quantization and architecture.known:
        setting = replace(question.setting, quantization=OFFERED)
        quantized = best_of(offers_of(model, setting, wanted, sizes, hours))
    currency = next((price.currency for price in found.values()), prices.currency)
    best = best_of(offers)
    return Sized(model, read, question, wanted, tuple(offers), best, quantized, currency, prices.note)
