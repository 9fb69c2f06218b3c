"""The emulator's price list: for each VM size the rows that Azure's has, of which an endpoint is billed by one.

The prices for Linux are list prices in USD (`price_list.json`, of spring 2025). What the other rows cost is only near
what they cost on Azure, and so are the exchange rates: they are there so that choosing the wrong row shows.
"""

import json
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("price_list.json")
SINCE, BEFORE = "2024-11-01T00:00:00Z", "2021-06-01T00:00:00Z"
LATER, AHEAD = "2025-06-01T00:00:00Z", "2099-01-01T00:00:00Z"
WINDOWS_CORE = 0.046  # USD an hour
RATES = {"USD": 1.0, "AUD": 1.5, "BRL": 5.5, "CAD": 1.37, "CHF": 0.8, "CNY": 7.1, "DKK": 6.4, "EUR": 0.86, "GBP": 0.75}
RATES |= {"INR": 88.0, "JPY": 150.0, "KRW": 1400.0, "NOK": 10.0, "NZD": 1.7, "RUB": 80.0, "SEK": 9.5, "TWD": 30.0}
"""What a dollar is in the other currencies, here."""
LOCATIONS = {
    "centralus": "US Central",
    "eastus": "US East",
    "eastus2": "US East 2",
    "northcentralus": "US North Central",
    "southcentralus": "US South Central",
    "westus": "US West",
    "westus2": "US West 2",
    "westus3": "US West 3",
}
SERVICE = {
    "serviceName": "Virtual Machines",
    "serviceId": "DZH313Z7MMC8",
    "serviceFamily": "Compute",
    "unitOfMeasure": "1 Hour",
    "tierMinimumUnits": 0.0,
    "isPrimaryMeterRegion": True,
}


@cache
def usd_rows() -> tuple[dict[str, Any], ...]:
    """Every row, in US dollars."""
    sizes = json.loads(FILE.read_text(encoding="utf-8"))["sizes"]
    return tuple(row for size in sizes for region, price in size["usd"].items() for row in _rows(size, region, price))


def in_currency(row: dict[str, Any], currency: str) -> dict[str, Any]:
    """The row with its prices in another currency."""
    price = round(row["retailPrice"] * RATES[currency], 6)
    return {**row, "currencyCode": currency, "retailPrice": price, "unitPrice": price}


def _rows(size: dict[str, Any], region: str, price: float) -> Iterator[dict[str, Any]]:
    """The rows of one size in one region; the one that endpoints are billed by is neither the first nor the last."""
    name = size["name"].removeprefix("Standard_").replace("_", " ")
    linux = f"Virtual Machines {size['series']} Series"
    windows, hour = f"{linux} Windows", price + WINDOWS_CORE * size["cores"]

    def row(product: str, meter: str, price: float, **more: Any) -> dict[str, Any]:
        rounded = round(price, 6)
        what = f"{region}/{product}/{meter}/{more}"
        return {
            "currencyCode": "USD",
            "retailPrice": rounded,
            "unitPrice": rounded,
            "armRegionName": region,
            "location": LOCATIONS[region],
            "effectiveStartDate": SINCE,
            "meterId": str(uuid.uuid5(uuid.NAMESPACE_URL, what)),
            "meterName": meter,
            "productId": f"DZH318Z{uuid.uuid5(uuid.NAMESPACE_URL, product).hex[:5].upper()}",
            "skuId": f"DZH318Z{uuid.uuid5(uuid.NAMESPACE_URL, what).hex[:10].upper()}",
            "productName": product,
            "skuName": meter,
            **SERVICE,
            "type": "Consumption",
            "armSkuName": size["name"],
            **more,
        }

    yield row(windows, f"{name} Spot", hour * 0.3)
    yield row(linux, f"{name} Low Priority", price * 0.2)
    yield row(windows, name, hour)
    yield row(linux, name, price * 1.2, effectiveStartDate=BEFORE, effectiveEndDate=SINCE)
    yield row(linux, name, price, savingsPlan=_savings(price))
    yield row(linux, f"{name} Spot", price * 0.25)
    yield row(windows, name, price, type="DevTestConsumption")
    yield row(linux, name, price * 8760 * 0.6, type="Reservation", reservationTerm="1 Year")
    yield row(linux, name, price * 26280 * 0.4, type="Reservation", reservationTerm="3 Years")
    yield row(f"{linux} CloudServices", name, price * 1.5)
    yield row(linux, name, price * 0.9, effectiveStartDate=AHEAD)
    yield row(linux, name, price * 0.8, effectiveStartDate=LATER, isPrimaryMeterRegion=False)


def _savings(price: float) -> list[dict[str, Any]]:
    shares = {"3 Years": 0.45, "1 Year": 0.7}
    return [
        {"unitPrice": round(price * share, 6), "retailPrice": round(price * share, 6), "term": term}
        for term, share in shares.items()
    ]
