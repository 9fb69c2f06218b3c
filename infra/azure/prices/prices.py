"""What an instance costs an hour, in a region and a currency: Azure's list price, without discounts and taxes.

A managed online endpoint is billed as the virtual machines that it runs on, at their pay-as-you-go price for Linux,
without a surcharge. It cannot run on spot machines; reservations and savings plans lower what is billed, not the list
price.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from infra.azure.prices.currency import USD
from infra.clock import Clock

HOURS_A_MONTH = 730
"""As Azure's own calculator counts a month."""


class Price(Struct, frozen=True):
    """What one instance costs an hour; `as_of` is the day, `2026-11-30`, on which that was the price."""

    hour: float
    currency: str
    source: str
    """`retail-api`, `cache` (of the API's answers) or `table` (that comes along)."""
    as_of: str


class Prices:
    """Looks prices up: in the cache, then at Azure's Retail Prices API, then in the table that comes along."""

    def __init__(
        self, environ: Mapping[str, str], clock: Clock, *, url: str | None = None, currency: str = USD
    ) -> None:
        self._environ = environ
        self._clock = clock
        self._url = url
        self.currency = currency

    def hourly(self, region: str, instance_types: Collection[str]) -> dict[str, Price]:
        """The price of each instance type, by its name in lower case; what nobody knows is absent.

        Never raises, and never waits long: where the API cannot be reached, prices come from the table.
        """
        return {}

    @property
    def note(self) -> str:
        """Where the prices are not current, a sentence that says so; else empty."""
        return ""


def open_prices(environ: Mapping[str, str], *, url: str | None = None, currency: str = USD, clock: Clock) -> Prices:
    """The prices in this currency; `url` is the emulator's address in the place of Azure's."""
    return Prices(environ, clock, url=url, currency=currency)
