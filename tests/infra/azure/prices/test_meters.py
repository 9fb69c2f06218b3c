"""Which of the many meters of a size an endpoint is billed by."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.azure.prices.meters import hourly_prices

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OURS = {"standard_nc24ads_a100_v4": 3.673}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"productName": "Virtual Machines NCadsA100v4 Series Windows"}, id="windows"),
        pytest.param({"skuName": "NC24ads A100 v4 Spot", "meterName": "NC24ads A100 v4 Spot"}, id="spot"),
        pytest.param({"skuName": "NC24ads A100 v4 Low Priority"}, id="low-priority"),
        pytest.param({"meterName": "NC24ads A100 v4 Low Priority"}, id="low-priority-by-its-meter-alone"),
        pytest.param({"type": "Reservation", "reservationTerm": "1 Year"}, id="reservation"),
        pytest.param({"type": "DevTestConsumption"}, id="dev-test"),
        pytest.param({"productName": "NCadsA100v4 Series CloudServices"}, id="cloud-services"),
        pytest.param({"productName": "NCadsA100v4 Series Dedicated Host"}, id="dedicated-host"),
        pytest.param({"serviceName": "Azure Machine Learning"}, id="another-service"),
        pytest.param({"unitOfMeasure": "1/Month"}, id="not-by-the-hour"),
        pytest.param({"tierMinimumUnits": 100.0}, id="a-tier-of-large-use"),
        pytest.param({"armRegionName": "westeurope"}, id="another-region"),
        pytest.param({"currencyCode": "EUR"}, id="another-currency"),
        pytest.param({"effectiveStartDate": "2020-01-01T00:00:00Z"}, id="an-older-price"),
        pytest.param({"effectiveStartDate": "2027-01-01T00:00:00Z"}, id="not-yet-in-force"),
        pytest.param({"effectiveEndDate": "2025-01-01T00:00:00Z"}, id="no-longer-in-force"),
        pytest.param({"isPrimaryMeterRegion": False}, id="not-the-primary-meter"),
        pytest.param(
            {"isPrimaryMeterRegion": False, "effectiveStartDate": "2026-01-01T00:00:00Z"}, id="a-newer-one-not-primary"
        ),
        pytest.param({"armSkuName": ""}, id="no-size"),
        pytest.param({"retailPrice": 0.0}, id="free-which-no-gpu-is"),
        pytest.param({"retailPrice": "9"}, id="a-price-in-quotes"),
        pytest.param({"retailPrice": None}, id="no-price"),
        pytest.param({"retailPrice": True}, id="nonsense"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_the_other_meter_is_not_taken(row: Callable[..., dict[str, Any]], other: dict[str, Any], first: bool) -> None:
    rows = [row(), row(**{"retailPrice": 99.0, **other})]
    assert hourly_prices(rows if first else rows[::-1], "eastus", "USD", NOW) == OURS


@pytest.mark.parametrize("nonsense", [None, 1, "row", [], {}, {"armSkuName": 3}], ids=str)
def test_a_row_like_no_other_is_left_out(row: Callable[..., dict[str, Any]], nonsense: Any) -> None:
    assert hourly_prices([nonsense, row()], "eastus", "USD", NOW) == OURS


def test_the_dearest_size_in_the_smallest_currency(row: Callable[..., dict[str, Any]]) -> None:
    dear = row(137_648.0, currencyCode="KRW", armSkuName="Standard_ND96isr_H100_v5")
    assert hourly_prices([dear], "eastus", "KRW", NOW) == {"standard_nd96isr_h100_v5": 137_648.0}
