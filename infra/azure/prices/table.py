"""The dated table of list prices that comes along, for where Azure's API cannot be reached.

`table.json` says where they are from. It has US dollars and regions of the public cloud alone: no exchange rate and no
price is made up.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

FILE = Path(__file__).with_name("table.json")
FALLBACK_REGION = "eastus"
SOVEREIGN = ("usgov", "usdod", "china", "ussec", "usnat", "german")
"""How the names of regions begin whose prices are not those of the public cloud."""


class Table(Struct, frozen=True):
    """List prices in USD an hour, by size and region, of the day `as_of`."""

    as_of: str
    currency: str
    source: str
    spellings: tuple[str, ...]
    """More sizes, without a price: filters of the API are case-sensitive."""
    prices: Mapping[str, Mapping[str, float]]

    def find(self, region: str, size: str, *, stand_in: bool = True) -> tuple[float, str] | None:
        """The price and the region that it is of: the wanted one, else eastus; None where the table has neither.

        Regions of sovereign clouds have no stand-in, and none has one without `stand_in`.
        """
        of_size = self.prices.get(spelled(size), {})
        replaced = stand_in and not region.startswith(SOVEREIGN)
        for place in (region, FALLBACK_REGION) if replaced else (region,):
            if place in of_size:
                return of_size[place], place
        return None


@cache
def read_table() -> Table:
    """The table, read once."""
    return msgspec.json.decode(FILE.read_bytes(), type=Table)


@cache
def _spellings() -> dict[str, str]:
    table = read_table()
    return {name.lower(): name for name in (*table.prices, *table.spellings)}


def spelled(size: str) -> str:
    """The size's name as Azure spells it; as given where it is none of those that are known here."""
    return _spellings().get(size.lower(), size)
