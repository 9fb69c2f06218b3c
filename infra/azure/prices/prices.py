"""What an instance costs an hour, in a region and a currency: Azure's list price, without discounts and taxes.

A managed online endpoint is billed as the virtual machines that it runs on, at their pay-as-you-go price for Linux,
without a surcharge. It cannot run on spot machines; reservations and savings plans lower what is billed, not the list
price.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.azure.prices.cache import Cache, Failure, Kept
from infra.azure.prices.currency import USD
from infra.azure.prices.meters import hourly_prices
from infra.azure.prices.price import HOURS_A_MONTH as HOURS_A_MONTH
from infra.azure.prices.price import Price as Price
from infra.azure.prices.retail import PATIENCE, RETAIL_PRICES, NoPrices, fetch_items
from infra.azure.prices.table import read_table, spelled
from infra.clock import Clock
from infra.parallel import Task
from infra.paths import cache_dir

REGION = re.compile(r"[a-z0-9-]{1,40}")
FOLDER = "prices"


class Prices:
    """Looks prices up: in the cache, then at Azure's Retail Prices API, then in the table that comes along."""

    def __init__(
        self, clock: Clock, *, url: str = RETAIL_PRICES, currency: str = USD, folder: Path | None = None
    ) -> None:
        self.currency = currency
        self.patience = PATIENCE
        """Seconds that `hourly` waits for the API at most."""
        self.stand_in = True
        """Whether eastus stands in for a region that the table lacks, as it may in the public cloud alone."""
        self.emulated = False
        """Whether the emulator answers, whose exchange rates are its own."""
        self._clock = clock
        self._url = url
        self._cache = Cache(folder)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Price | None] = {}
        self._failure = ""
        self._places: set[str] = set()

    def hourly(self, region: str, instance_types: Collection[str]) -> dict[str, Price]:
        """The price of each instance type, by its name in lower case; what nobody knows is absent.

        Never raises, and never waits long: where the API cannot be reached, prices come from the table, which has only
        US dollars.
        """
        place = region.lower().replace(" ", "")
        if not REGION.fullmatch(place):
            return {}
        names = {name.lower() for name in instance_types if name}
        with self._lock:
            if missing := {name for name in names if (place, name) not in self._known}:
                found = self._look_up(place, missing)
                self._known |= {(place, name): found.get(name) for name in missing}
            prices = {name: self._known[place, name] for name in names}
        return {name: price for name, price in sorted(prices.items()) if price}

    @property
    def note(self) -> str:
        """Where the prices found so far are not current, half a sentence that says so and why; else empty."""
        found = [price for price in self._known.values() if price]
        why = f"{urlsplit(self._url).hostname} {self._failure}" if self._failure else ""
        if table := [price for price in found if price.source == "table"]:
            text = f"list prices of {table[0].as_of} from the table that comes along, because {why}"
            if self._places:
                text += f"; of {', '.join(sorted(self._places))}, since the table lacks the region"
            if self.currency == USD:
                return text
            mixed = any(price.currency == self.currency for price in found)  # of which the others cannot be added up
            return f"{text}; {'unknown' if mixed else 'in USD'}, since it has no {self.currency}"
        if self.emulated and found and self.currency != USD:
            return f"the emulator's price list, at an exchange rate that is not Azure's, in {self.currency}"
        old = sorted(price.as_of for price in found if price.source == "cache")
        if old and why:
            return f"list prices of {old[0]}, because {why}"
        missing = why and any(price is None for price in self._known.values())
        return f"not every price is known, because {why}" if missing else ""

    def _look_up(self, region: str, names: set[str]) -> dict[str, Price | None]:
        now = self._clock.utc()
        file = self._cache.read(region, self.currency)
        fresh = {name: kept for name in names if (kept := file.prices.get(name)) and kept.is_fresh(now)}
        found = {name: self._price(kept, "cache") for name, kept in fresh.items()}
        if not (missing := names - set(fresh)):
            return found
        self._failure = self._failure or file.failed(now)
        if not self._failure:
            try:
                asked = self._ask(region, missing)
                return found | {name: self._price(kept, "retail-api") for name, kept in asked.items()}
            except NoPrices as error:
                self._failure = str(error)
                self._cache.add_failure(region, self.currency, Failure(self._failure, now))
        old = {name: self._price(file.prices[name], "cache") for name in missing if name in file.prices}
        return found | old | {name: self._from_table(region, name) for name in missing - set(old)}

    def _ask(self, region: str, names: set[str]) -> dict[str, Kept]:
        """Ask the API, and keep what it says; raises `NoPrices`, also where it takes longer than people should wait."""
        now = self._clock.utc()

        def fetch() -> dict[str, Kept]:
            items = fetch_items(self._url, region, [spelled(name) for name in names], self.currency)
            hours = hourly_prices(items, region, self.currency, now)
            asked = {name: Kept(hours.get(name), now) for name in names}
            self._cache.add(region, self.currency, asked)
            return asked

        task = Task(fetch)  # a name server can be silent for longer than any timeout of a connection
        task.thread.join(self.patience)
        if task.thread.is_alive():
            raise NoPrices(f"gave no answer within {self.patience:g} s")
        found: dict[str, Kept] = task.result()
        return found

    def _price(self, kept: Kept, source: str) -> Price | None:
        return None if kept.hour is None else Price(kept.hour, self.currency, source, f"{kept.at:%Y-%m-%d}")

    def _from_table(self, region: str, name: str) -> Price | None:
        table = read_table()
        if (found := table.find(region, name, stand_in=self.stand_in)) is None:
            return None
        hour, place = found
        if place != region:
            self._places.add(place)
        return Price(hour, table.currency, "table", table.as_of)


def open_prices(
    environ: Mapping[str, str], *, url: str | None = None, currency: str = USD, clock: Clock, public: bool = True
) -> Prices:
    """The prices in this currency; `url` is the emulator's address in the place of Azure's.

    The emulator's answers are not kept: nobody should take them for Azure's. `public` says that the regions are those
    of Azure's public cloud.
    """
    prices = Prices(
        clock, url=url or RETAIL_PRICES, currency=currency, folder=None if url else cache_dir(environ) / FOLDER
    )
    prices.emulated, prices.stand_in = bool(url), public
    return prices
