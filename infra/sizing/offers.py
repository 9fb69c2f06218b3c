"""The VM sizes side by side: which of them a model fits on, what they cost, and which one to take."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from infra.sizing.fit import GRID, Fit, Model, Verdict, Wanted, fit
from infra.sizing.instance_types import InstanceType
from infra.sizing.setting import Setting
from infra.sizing.speed import Speed, speed_of

RANK = (Verdict.FITS, Verdict.TIGHT, Verdict.UNKNOWN, Verdict.NO)


class Offer(Struct, frozen=True):
    """A model on a VM size, with the price of one instance an hour; None where nobody knows it."""

    fit: Fit
    speed: Speed | None = None
    hour: float | None = None

    @property
    def is_risky(self) -> bool:
        """Whether it fits and may yet fail: what drives its GPUs may be too old for the image."""
        return GRID in self.fit.cautions


def offers_of(
    model: Model, setting: Setting, wanted: Wanted, sizes: Iterable[InstanceType], prices: Mapping[str, float]
) -> list[Offer]:
    """The sizes, those that fit first, and of these the cheapest; `prices` by the name in lower case."""
    found = []
    for size in sizes:
        fitted = fit(model, setting, wanted, size)
        asked = wanted.concurrency if wanted.concurrency > 1 else None
        found.append(Offer(fitted, speed_of(model, setting, fitted, asked), prices.get(size.name.lower())))
    return sorted(found, key=_order)


def best_of(offers: Sequence[Offer]) -> Offer | None:
    """The cheapest that fits and is not risky; else one that is, or that is tight. None where nothing fits."""
    for verdict in (Verdict.FITS, Verdict.TIGHT):
        fitting = [offer for offer in offers if offer.fit.verdict is verdict]
        if fitting:
            return min(fitting, key=lambda offer: (offer.is_risky, *_order(offer)))
    return None


def _order(offer: Offer) -> tuple[int, float, int, float, str]:
    size = offer.fit.instance
    price = float("inf") if offer.hour is None else offer.hour
    return RANK.index(offer.fit.verdict), price, size.gpus, size.gpu.memory, size.name
