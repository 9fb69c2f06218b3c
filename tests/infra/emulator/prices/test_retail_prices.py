"""The Retail Prices API as its public document describes it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.azure.prices.table import read_table
from infra.emulator.prices.app import PricesApp
from infra.emulator.prices.rows import usd_rows

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:1"
A100 = "armSkuName eq 'Standard_NC24ads_A100_v4' and armRegionName eq 'eastus'"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = PricesApp(lambda: BASE, lambda: 4)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


async def ask(client: httpx.AsyncClient, **query: str) -> httpx.Response:
    return await client.get("/api/retail/prices", params={"$" + k if k == "filter" else k: v for k, v in query.items()})


async def every(client: httpx.AsyncClient, filter: str) -> list[dict[str, Any]]:
    found, url = [], f"{BASE}/api/retail/prices?$filter={filter}"
    while url:
        page = (await client.get(url)).json()
        found += page["Items"]
        url = page["NextPageLink"]
    return found


async def test_an_answer_has_the_documented_fields(client: httpx.AsyncClient) -> None:
    page = (await ask(client, filter=A100)).json()
    assert list(page) == [
        *("BillingCurrency", "CustomerEntityId", "CustomerEntityType", "Items", "NextPageLink", "Count")
    ]
    assert page["Count"] == len(page["Items"]) == 4
    assert page["NextPageLink"].startswith(f"{BASE}/api/retail/prices?")
    assert {
        *("currencyCode", "tierMinimumUnits", "retailPrice", "unitPrice", "armRegionName", "location"),
        *("effectiveStartDate", "meterId", "meterName", "productId", "skuId", "productName", "skuName"),
        *("serviceName", "serviceId", "serviceFamily", "unitOfMeasure", "type", "isPrimaryMeterRegion", "armSkuName"),
    } <= set(page["Items"][0])


async def test_pages_lead_to_every_row_once(client: httpx.AsyncClient) -> None:
    rows = await every(client, A100)
    assert len(rows) == 12
    assert len({row["skuId"] for row in rows}) == 12
    assert {row["type"] for row in rows} == {"Consumption", "DevTestConsumption", "Reservation"}
    assert sum("Windows" in row["productName"] for row in rows) >= 2
    assert {"Spot", "Low Priority"} == {
        word for row in rows for word in ("Spot", "Low Priority") if word in row["meterName"]
    }


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param("priceType eq 'Consumption'", 9, id="the-field-type-is-filtered-as-priceType"),
        pytest.param("priceType eq 'consumption'", 0, id="values-are-case-sensitive"),
        pytest.param("contains(meterName, 'Spot')", 2, id="contains"),
        pytest.param("startswith(productName,'Virtual') and endswith(skuName,'Spot')", 2, id="starts-and-ends"),
        pytest.param("(priceType eq 'Reservation' or contains(meterName,'Low'))", 3, id="or-in-parentheses"),
        pytest.param("priceType ne 'Consumption'", 3, id="ne"),
        pytest.param("armSkuName eq 'O''Hare'", 0, id="a-quote-in-a-value"),
    ],
)
async def test_filters(client: httpx.AsyncClient, wanted: str, count: int) -> None:
    assert len(await every(client, f"{A100} and {wanted}")) == count


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"filter": "type eq 'Consumption'"}, id="the-name-of-the-answer-s-field"),
        pytest.param({"filter": "armSkuName = 'x'"}, id="another-operator"),
        pytest.param({"filter": "armSkuName eq x"}, id="no-quotes"),
        pytest.param({"filter": "armSkuName eq 'x"}, id="an-open-quote"),
        pytest.param({"filter": "armSkuName eq 'x' and"}, id="cut"),
        pytest.param({"filter": "armSkuName eq 'x' armRegionName eq 'y'"}, id="nothing-between"),
        pytest.param({"filter": "(armSkuName eq 'x'"}, id="an-open-parenthesis"),
        pytest.param({"filter": ""}, id="empty"),
        pytest.param({"filter": "(" * 500}, id="deep"),
        pytest.param({"filter": "tolower(armSkuName) eq 'x'"}, id="an-unknown-function"),
        pytest.param({"currencyCode": "EURO"}, id="currency"),
        pytest.param({"api-version": "1999-01-01"}, id="api-version"),
        pytest.param({"region": "eastus"}, id="an-unknown-parameter"),
        pytest.param({"$top": "9" * 5000}, id="a-number-without-end"),
        pytest.param({"$skip": "-1"}, id="a-negative-number"),
    ],
)
async def test_what_is_not_a_query_gets_400(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await ask(client, **query)
    assert (answer.status_code, answer.json()["Error"]["Code"]) == (400, "BadRequest")


async def test_currencies_and_savings_plans(client: httpx.AsyncClient) -> None:
    wanted = f"{A100} and priceType eq 'Consumption' and productName eq 'Virtual Machines NCadsA100v4 Series'"
    old = (await ask(client, filter=wanted, currencyCode="'EUR'")).json()
    new = (await ask(client, filter=wanted, **{"api-version": "2023-01-01-preview"})).json()
    assert old["BillingCurrency"] == "EUR"
    assert {item["currencyCode"] for item in old["Items"]} == {"EUR"}
    assert not any("savingsPlan" in item for item in old["Items"])
    assert any("savingsPlan" in item for item in new["Items"])


async def test_the_primary_meters_alone(client: httpx.AsyncClient) -> None:
    every_row, primary = [
        (await ask(client, filter=f"{A100} and productName eq 'Virtual Machines NCadsA100v4 Series'", **more)).json()
        for more in ({"$skip": "6"}, {"$skip": "6", "meterRegion": "'primary'"})
    ]
    assert [item["isPrimaryMeterRegion"] for item in every_row["Items"]] == [True, False]
    assert [item["isPrimaryMeterRegion"] for item in primary["Items"]] == [True]


async def test_only_reads_are_answered(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/retail/prices")).status_code == 405


def test_it_has_the_prices_of_the_table_that_comes_along() -> None:
    table = read_table()
    linux = {
        (row["armSkuName"], row["armRegionName"]): row["retailPrice"] for row in usd_rows() if "savingsPlan" in row
    }
    assert linux == {(name, region): price for name, of in table.prices.items() for region, price in of.items()}
