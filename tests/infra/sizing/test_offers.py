"""Which size is the one to take."""

import pytest

from infra.sizing.fit import Verdict, Wanted
from infra.sizing.instance_types import INSTANCE_TYPES
from infra.sizing.offers import Offer, best_of, offers_of
from infra.sizing.setting import Setting
from tests.infra.sizing.test_fit import A10, A100, H100, T4, Model, model

PRICES = {"standard_nc4as_t4_v3": 0.5, "standard_nv36ads_a10_v5": 3.2, "standard_nc24ads_a100_v4": 3.7}
PRICES |= {"standard_nc40ads_h100_v5": 7.0}


def offers(of: Model, prices: dict[str, float] | None = None) -> list[Offer]:
    sizes = INSTANCE_TYPES.values()
    return offers_of(of, Setting(), Wanted(8192), sizes, PRICES if prices is None else prices)


def test_those_that_fit_come_first_and_the_cheapest_of_them() -> None:
    found = offers(model())
    ranks = [list(Verdict).index(offer.fit.verdict) for offer in found]
    assert ranks == sorted(ranks)
    assert [offer.fit.instance.name for offer in found[:3]] == [A10, A100, H100]


@pytest.mark.parametrize(
    ("gigabytes", "name"),
    [
        pytest.param(1, T4, id="small"),
        pytest.param(16, A100, id="not-the-cheaper-one-whose-driver-may-be-too-old"),
        pytest.param(80, H100, id="larger"),
        pytest.param(141, "Standard_NC48ads_A100_v4", id="two-gpus"),
    ],
)
def test_which_one_to_take(gigabytes: float, name: str) -> None:
    best = best_of(offers(model(gigabytes)))
    assert best is not None
    assert best.fit.instance.name == name


def test_what_may_fit_is_better_than_nothing() -> None:
    tight = [offer for offer in offers(model(76)) if offer.fit.instance.name == A100]
    assert best_of(tight) == tight[0]


def test_nothing_is_the_answer_where_nothing_fits() -> None:
    assert best_of(offers(model(800))) is None


def test_without_prices_the_smallest_is_the_one() -> None:
    best = best_of(offers(model(1), prices={}))
    assert best is not None
    assert (best.hour, best.fit.instance.name) == (None, "Standard_NC16as_T4_v3")
