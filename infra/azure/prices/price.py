"""The price of an instance."""

from msgspec import Struct

HOURS_A_MONTH = 730
"""As Azure's own calculator counts a month."""
MOST_HOURLY = 10_000_000
"""What costs more an hour, in whatever currency, is a mistake."""


class Price(Struct, frozen=True):
    """What one instance costs an hour; `as_of` is the day, `2026-11-30`, on which that was the price."""

    hour: float
    currency: str
    source: str
    """`retail-api`, `cache` (of the API's answers) or `table` (that comes along)."""
    as_of: str
