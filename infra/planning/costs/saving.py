"""What a parked stack does not cost."""

from collections.abc import Mapping
from typing import Any

from infra.azure.target import Target


def saving(target: Target, region: str, instances: Mapping[str, int]) -> dict[str, Any] | None:
    """`{"hour", "currency", "as_of"}` of so many instances of each type; None where a price of them is not known."""
    if not instances:
        return None
    prices = target.prices.hourly(region, instances)
    if any(name.lower() not in prices for name in instances):
        return None
    first = next(iter(prices.values()))
    hour = sum(prices[name.lower()].hour * count for name, count in instances.items())
    return {"hour": round(hour, 4), "currency": first.currency, "as_of": first.as_of}


def saving_words(found: Mapping[str, Any] | None) -> str:
    """What is saved, for a sentence; empty where nobody knows it."""
    if not found:
        return ""
    sign = "$" if found["currency"] == "USD" else f"{found['currency']} "
    return f"{sign}{found['hour']:,.2f}/h"
