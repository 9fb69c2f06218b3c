"""What all figures of one document rest on: a currency, a region, and where the prices are from."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from infra.azure.prices.price import HOURS_A_MONTH, Price
from infra.azure.prices.prices import Prices


class Basis(Struct, frozen=True):
    """The prices of a region, by the instance type in lower case."""

    region: str
    prices: Mapping[str, Price]
    currency: str
    """The prices' currency, which is that of the table, USD, where no other is known."""
    note: str = ""

    def hour(self, instance_type: str, instances: int) -> float | None:
        """What so many instances cost an hour; None where the price is not known in this currency."""
        if instances == 0:
            return 0.0
        price = self.prices.get(instance_type.lower())
        return price.hour * instances if price and price.currency == self.currency else None

    def to_json(self) -> dict[str, Any]:
        """Where the prices are from: `source` and `as_of` are those of the oldest one."""
        oldest = min(self.prices.values(), key=lambda price: price.as_of, default=None)
        return {
            "currency": self.currency,
            "region": self.region,
            "source": oldest and oldest.source,
            "as_of": oldest and oldest.as_of,
            "note": self.note,
        }


def basis_of(prices: Prices, region: str, instance_types: Collection[str]) -> Basis:
    """The prices of these types in a region; never raises."""
    found = prices.hourly(region, instance_types)
    currencies = {price.currency for price in found.values()}
    # The prices of the API in one currency and those of the table in another cannot be added up.
    currency = prices.currency if prices.currency in currencies or not currencies else min(currencies)
    return Basis(region, found, currency, prices.note)


def added(amounts: Collection[float | None]) -> float | None:
    """The sum; None where one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def month(hour: float | None) -> float | None:
    """What an hour's price is in a month of 730 hours."""
    return None if hour is None else hour * HOURS_A_MONTH


def rounded(amount: float | None) -> float | None:
    """An amount without the noise of binary fractions."""
    return None if amount is None else round(amount, 6)
