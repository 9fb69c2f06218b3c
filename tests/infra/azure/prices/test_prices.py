"""Prices from the API, the cache and the table: which one, what is said of it, and that nothing else happens."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.azure.prices.prices import Price, Prices, open_prices
from infra.azure.prices.table import read_table
from infra.planning.costs.basis import basis_of

SIZE, NAME = "Standard_NC24ads_A100_v4", "standard_nc24ads_a100_v4"
TABLE = Price(3.673, "USD", "table", read_table().as_of)
Rows = Callable[..., dict[str, Any]]


def test_the_api_is_asked_once_for_all_sizes(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    other = row(6.98, armSkuName="Standard_NC40ads_H100_v5")
    retail.answer = lambda _: (200, {"Items": [row(), other], "NextPageLink": None})
    prices = Prices(clock, url=retail.url, folder=tmp_path)
    found = prices.hourly("eastus", [SIZE.upper(), "standard_nc40ads_h100_v5"])
    assert found[NAME] == Price(3.673, "USD", "retail-api", "2026-11-30")
    assert found["standard_nc40ads_h100_v5"].hour == 6.98
    assert prices.note == ""
    [asked] = retail.asked
    query = parse_qs(urlsplit(asked).query)
    assert query["api-version"] == ["2023-01-01-preview"]
    assert query["currencyCode"] == ["'USD'"]
    [wanted] = query["$filter"]
    assert "priceType eq 'Consumption' and armRegionName eq 'eastus'" in wanted
    assert f"(armSkuName eq '{SIZE}' or armSkuName eq 'Standard_NC40ads_H100_v5')" in wanted  # as Azure spells them


def test_more_sizes_than_one_request_takes_are_asked_for_at_the_same_time(retail: Any, clock: Any, row: Rows) -> None:
    together = threading.Barrier(2)

    def answer(_: str) -> tuple[int, Any]:
        together.wait(5)
        return 200, {"Items": [row()]}

    retail.answer = answer
    found = Prices(clock, url=retail.url).hourly("eastus", [SIZE, *(f"Standard_X{number}" for number in range(20))])
    assert (found[NAME].source, len(retail.asked)) == ("retail-api", 2)


@pytest.mark.parametrize(
    ("later", "asked", "source"),
    [
        pytest.param(timedelta(hours=23), 1, "cache", id="of-today"),
        pytest.param(timedelta(hours=25), 2, "retail-api", id="of-yesterday"),
        pytest.param(timedelta(days=-3), 2, "retail-api", id="from-the-future"),
    ],
)
def test_an_answer_is_good_for_a_day(
    retail: Any, clock: Any, row: Rows, tmp_path: Path, later: timedelta, asked: int, source: str
) -> None:
    retail.answer = lambda _: (200, {"Items": [row()]})
    Prices(clock, url=retail.url, folder=tmp_path).hourly("eastus", [SIZE])
    clock.moment += later
    prices = Prices(clock, url=retail.url, folder=tmp_path)
    assert prices.hourly("eastus", [SIZE])[NAME].source == source
    assert prices.note == ""
    assert len(retail.asked) == asked


def test_a_size_without_a_price_is_kept_as_such_too(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    retail.answer = lambda _: (200, {"Items": [row()]})
    for _ in range(2):
        prices = Prices(clock, url=retail.url, folder=tmp_path)
        assert set(prices.hourly("eastus", [SIZE, "Standard_X9", ""])) == {NAME}
    assert len(retail.asked) == 1


def test_regions_and_currencies_are_kept_apart(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    retail.answer = lambda _: (200, {"Items": [row(), row(3.1, currencyCode="EUR"), row(5, armRegionName="westus")]})
    found = [
        Prices(clock, url=retail.url, folder=tmp_path, currency=currency).hourly(region, [SIZE])[NAME]
        for region, currency in [("eastus", "USD"), ("eastus", "EUR"), ("West US", "USD")]
    ]
    assert [(price.hour, price.currency) for price in found] == [(3.673, "USD"), (3.1, "EUR"), (5, "USD")]
    assert len(retail.asked) == 3


def test_all_pages_are_read(retail: Any, clock: Any, row: Rows) -> None:
    def answer(path: str) -> tuple[int, Any]:
        if "skip" in path:
            return 200, {"Items": [row()], "NextPageLink": None}
        return 200, {"Items": [row(9, armRegionName="x")], "NextPageLink": f"{retail.url}?$skip=100&$filter=a b"}

    retail.answer = answer
    assert Prices(clock, url=retail.url).hourly("eastus", [SIZE])[NAME].hour == 3.673
    assert len(retail.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        pytest.param(429, {}, "answered 429", id="throttled"),
        pytest.param(503, b"", "answered 503", id="down"),
        pytest.param(400, {"Error": {}}, "answered 400", id="refused"),
        pytest.param(302, b"", "answered 302", id="a-portal-that-wants-a-login"),
        pytest.param(200, b"<html>", "gave an answer that is no price list", id="a-web-page"),
        pytest.param(200, b"", "gave an answer that is no price list", id="nothing"),
        pytest.param(200, [], "gave an answer that is no price list", id="a-list"),
        pytest.param(200, {"Items": "x"}, "gave an answer that is no price list", id="no-rows"),
        pytest.param(200, b"[" * 100_000, "gave an answer that is no price list", id="deep"),
        pytest.param(200, b"\xff\xfe", "gave an answer that is no price list", id="bytes"),
        pytest.param(
            200, {"Items": [], "NextPageLink": "http://elsewhere.example/"}, "leads elsewhere", id="led-astray"
        ),
        pytest.param(200, {"Items": [], "NextPageLink": 3}, "leads elsewhere", id="no-link"),
        pytest.param(200, {"Items": [], "NextPageLink": "https://[::1"}, "leads elsewhere", id="no-address"),
        pytest.param(200, {"Items": [], "NextPageLink": "http://127.0.0.1:99999/"}, "leads elsewhere", id="no-port"),
    ],
)
def test_the_table_stands_in_and_says_why(retail: Any, clock: Any, status: int, body: Any, said: str) -> None:
    retail.answer = lambda _: (status, body)
    prices = Prices(clock, url=retail.url)
    assert prices.hourly("eastus", [SIZE, "Standard_X9"]) == {NAME: TABLE}
    assert prices.note.startswith(f"list prices of {TABLE.as_of} from the table that comes along, because 127.0.0.1 ")
    assert said in prices.note


def test_why_a_size_that_the_table_lacks_has_no_price(retail: Any, clock: Any) -> None:
    retail.answer = lambda _: (503, b"")
    prices = Prices(clock, url=retail.url)
    assert prices.hourly("eastus", ["Standard_X9"]) == {}
    assert prices.note == "not every price is known, because 127.0.0.1 answered 503"


def test_pages_without_end_are_left(retail: Any, clock: Any) -> None:
    retail.answer = lambda _: (200, {"Items": [], "NextPageLink": retail.url})
    prices = Prices(clock, url=retail.url)
    assert prices.hourly("eastus", [SIZE]) == {NAME: TABLE}
    assert "without an end" in prices.note


def test_nobody_waits_for_a_silent_api(retail: Any, clock: Any, tmp_path: Path) -> None:
    retail.held = True
    prices = Prices(clock, url=retail.url, folder=tmp_path)
    prices.patience = 0.05
    assert prices.hourly("eastus", [SIZE]) == {NAME: TABLE}
    assert prices.hourly("eastus", ["Standard_NC40ads_H100_v5"])["standard_nc40ads_h100_v5"].source == "table"
    assert "gave no answer within 0.05 s" in prices.note
    again = Prices(clock, url=retail.url, folder=tmp_path)
    assert again.hourly("eastus", [SIZE]) == {NAME: TABLE}
    assert len(retail.asked) == 1  # nor does the next command, for ten minutes


def test_it_is_asked_again_after_ten_minutes(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    retail.answer = lambda _: (503, b"")
    Prices(clock, url=retail.url, folder=tmp_path).hourly("eastus", [SIZE])
    retail.answer = lambda _: (200, {"Items": [row()]})
    clock.moment += timedelta(minutes=11)
    prices = Prices(clock, url=retail.url, folder=tmp_path)
    assert prices.hourly("eastus", [SIZE])[NAME].source == "retail-api"
    assert prices.note == ""


def test_what_azure_said_last_week_beats_the_table(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    retail.answer = lambda _: (200, {"Items": [row(3.9)]})
    Prices(clock, url=retail.url, folder=tmp_path).hourly("eastus", [SIZE])
    clock.moment += timedelta(days=7)
    retail.close()
    prices = Prices(clock, url=retail.url, folder=tmp_path)
    assert prices.hourly("eastus", [SIZE]) == {NAME: Price(3.9, "USD", "cache", "2026-11-30")}
    assert prices.note == "list prices of 2026-11-30, because 127.0.0.1 cannot be reached (Connection refused)"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="another-shape"),
        pytest.param(b"\xff", id="bytes"),
        pytest.param(
            b'{"prices": {"standard_nc24ads_a100_v4": {"hour": -5, "at": "2026-11-30T11:00:00Z"}}}', id="below-nothing"
        ),
        pytest.param(b'{"prices": {"standard_nc24ads_a100_v4": {"hour": "3", "at": "x"}}}', id="wrong-types"),
        pytest.param(
            b'{"prices": {"standard_nc24ads_a100_v4": {"hour": 1, "at": "2026-11-30T11:00:00"}}}', id="no-time-zone"
        ),
    ],
)
def test_a_damaged_file_is_ignored(retail: Any, clock: Any, row: Rows, tmp_path: Path, content: bytes) -> None:
    retail.answer = lambda _: (200, {"Items": [row()]})
    file = tmp_path / "eastus-USD.json"
    file.write_bytes(content)
    assert Prices(clock, url=retail.url, folder=tmp_path).hourly("eastus", [SIZE])[NAME].source == "retail-api"
    assert json.loads(file.read_text())["prices"][NAME]["hour"] == 3.673
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_no_error(retail: Any, clock: Any, row: Rows, tmp_path: Path) -> None:
    retail.answer = lambda _: (200, {"Items": [row()]})
    (tmp_path / "file").write_text("in the way")
    prices = Prices(clock, url=retail.url, folder=tmp_path / "file" / "prices")
    assert prices.hourly("eastus", [SIZE])[NAME].source == "retail-api"


@pytest.mark.parametrize(
    ("region", "currency", "hour", "said"),
    [
        pytest.param("eastus", "USD", 3.673, "", id="known"),
        pytest.param("westus", "USD", 4.775, "", id="another-region-of-the-table"),
        pytest.param("westeurope", "USD", 3.673, "of eastus, since the table lacks the region", id="a-stand-in"),
        pytest.param("eastus", "EUR", 3.673, "in USD, since it has no EUR", id="no-exchange-rate-is-made-up"),
        pytest.param("usgovvirginia", "USD", None, "", id="us-government-has-prices-of-its-own"),
        pytest.param("chinaeast2", "USD", None, "", id="china-has-prices-of-its-own"),
        pytest.param("", "USD", None, "", id="no-region"),
        pytest.param("../../x", "USD", None, "", id="not-a-region"),
    ],
)
def test_the_table(clock: Any, tmp_path: Path, region: str, currency: str, hour: float | None, said: str) -> None:
    prices = Prices(clock, url="http://127.0.0.1:9/", currency=currency, folder=tmp_path)
    found = prices.hourly(region, [SIZE])
    assert {name: (price.hour, price.currency) for name, price in found.items()} == (
        {} if hour is None else {NAME: (hour, "USD")}
    )
    assert said in prices.note


def test_two_currencies_are_not_added_up(clock: Any, tmp_path: Path) -> None:
    kept = {"prices": {NAME: {"hour": 3.1, "at": "2026-11-01T00:00:00Z"}}}
    (tmp_path / "eastus-EUR.json").write_text(json.dumps(kept))
    prices = Prices(clock, url="http://127.0.0.1:9/", currency="EUR", folder=tmp_path)
    basis = basis_of(prices, "eastus", [SIZE, "Standard_NC48ads_A100_v4"])
    assert (basis.currency, basis.hour(SIZE, 1), basis.hour("Standard_NC48ads_A100_v4", 1)) == ("EUR", 3.1, None)
    assert basis.note.endswith("; unknown, since it has no EUR")


def test_another_cloud_has_no_stand_in(clock: Any) -> None:
    prices = open_prices({}, url="http://127.0.0.1:9/", clock=clock, public=False)
    assert prices.hourly("redmond", [SIZE]) == {}
    assert set(open_prices({}, url="http://127.0.0.1:9/", clock=clock).hourly("redmond", [SIZE])) == {NAME}


def test_the_emulator_s_exchange_rate_is_named(retail: Any, clock: Any, row: Rows) -> None:
    retail.answer = lambda _: (200, {"Items": [row(3.1, currencyCode="EUR")]})
    prices = open_prices({}, url=retail.url, clock=clock, currency="EUR")
    assert prices.hourly("eastus", [SIZE])[NAME].hour == 3.1
    assert "an exchange rate that is not Azure's" in prices.note


def test_every_price_of_the_table_is_plausible() -> None:
    table = read_table()
    assert all("eastus" in of_size for of_size in table.prices.values())
    assert all(0.1 < price < 200 for of_size in table.prices.values() for price in of_size.values())
    a100 = table.prices["Standard_NC24ads_A100_v4"], table.prices["Standard_NC96ads_A100_v4"]
    assert all(a100[1][region] == pytest.approx(4 * a100[0][region], rel=0.001) for region in a100[0])


def test_azure_s_answers_alone_are_kept(clock: Any, tmp_path: Path, retail: Any, row: Rows) -> None:
    retail.answer = lambda _: (200, {"Items": [row()]})
    prices = open_prices({"GATELIFT_CACHE_DIR": str(tmp_path)}, url=retail.url, clock=clock)
    assert prices.hourly("eastus", [SIZE])[NAME].source == "retail-api"
    assert list(tmp_path.iterdir()) == []
