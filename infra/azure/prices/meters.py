"""Chooses, of the many meters that one VM size has, the one that a managed online endpoint is billed by.

A size has meters for Linux and Windows, for spot and low priority, for Cloud Services and dedicated hosts, for
reservations and for Dev/Test subscriptions, and older ones beside those in force. Of several that are left the primary
one counts, by which Azure charges, before one that began later. An endpoint's virtual machines run
Linux and are billed as you go, without a surcharge. Source: "Azure Retail Prices overview" for the fields; Azure ML
"Online endpoints" for what is billed.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from infra.azure.prices.price import MOST_HOURLY

SERVICE = "Virtual Machines"
PAY_AS_YOU_GO = "Consumption"
HOURLY = "1 Hour"
OTHER_PRODUCTS = ("windows", "cloud services", "cloudservices", "dedicated host")
OTHER_METERS = ("spot", "low priority", "expired")


def hourly_prices(items: Iterable[Any], region: str, currency: str, now: datetime) -> dict[str, float]:
    """The price of an hour by the name of the size in lower case, from the rows of the API; rows like no other are left
    out.
    """
    found: dict[str, tuple[tuple[bool, str], float]] = {}
    for item in items:
        if not isinstance(item, Mapping) or not _is_ours(item, region, currency, now):
            continue
        rank = (item.get("isPrimaryMeterRegion") is True, _text(item, "effectiveStartDate"))
        name = _text(item, "armSkuName").lower()
        if name not in found or rank > found[name][0]:
            found[name] = (rank, float(item["retailPrice"]))
    return {name: price for name, (_, price) in found.items()}


def _is_ours(item: Mapping[str, Any], region: str, currency: str, now: datetime) -> bool:
    price = item.get("retailPrice")
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 < price < MOST_HOURLY:
        return False
    exact = {
        "serviceName": SERVICE,
        "type": PAY_AS_YOU_GO,
        "unitOfMeasure": HOURLY,
        "armRegionName": region,
        "currencyCode": currency,
    }
    if (
        not _text(item, "armSkuName")
        or any(item.get(field) != value for field, value in exact.items())
        or item.get("tierMinimumUnits")
    ):
        return False
    product = _text(item, "productName").lower()
    meter = f"{_text(item, 'skuName')} {_text(item, 'meterName')}".lower()
    if any(word in product for word in OTHER_PRODUCTS) or any(word in meter for word in OTHER_METERS):
        return False
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _text(item, "effectiveStartDate") <= moment < (_text(item, "effectiveEndDate") or "9")


def _text(item: Mapping[str, Any], field: str) -> str:
    value = item.get(field)
    return value if isinstance(value, str) else ""
