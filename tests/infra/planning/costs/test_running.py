"""What runs costs, and about what it has cost."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.azure.prices.prices import Price, Prices
from infra.cli.views.costs import with_costs, workspace_cost_lines
from infra.clock import SystemClock
from infra.planning.costs.running import running_cost
from infra.resources.base import Live

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
A = "Standard_NC24ads_A100_v4"


class Fixed(Prices):
    """Prices that a test sets."""

    def __init__(self, found: dict[str, Price], currency: str = "USD") -> None:
        super().__init__(SystemClock(), url="http://127.0.0.1:9/", currency=currency)
        self.found = found

    def hourly(self, region: str, instance_types: Collection[str]) -> dict[str, Price]:
        return {name.lower(): self.found[name.lower()] for name in instance_types if name.lower() in self.found}


KNOWN = {A.lower(): Price(3.673, "USD", "retail-api", "2026-11-30")}


def live(name: str = "blue", kind: str = A, count: int | None = 2, created: Any = "2026-11-30T02:00:00Z") -> Live:
    document = {"systemData": {"createdAt": created}} if created is not None else {}
    return Live({"name": name, "instance_type": kind, "instance_count": count}, "demo", document=document)


@pytest.mark.parametrize(
    ("deployment", "hour", "hours", "so_far"),
    [
        pytest.param(live(), 7.346, 10.0, 73.46, id="two-for-ten-hours"),
        pytest.param(live(created="2026-11-30T02:00:00.1234567+00:00"), 7.346, 10.0, 73.46, id="azure-s-seven-digits"),
        pytest.param(live(created="2026-11-30T03:00:00+01:00"), 7.346, 10.0, 73.46, id="another-time-zone"),
        pytest.param(live(created="2026-12-01T00:00:00Z"), 7.346, 0.0, 0.0, id="clocks-that-differ"),
        pytest.param(live(created=None), 7.346, None, None, id="nobody-knows-since-when"),
        pytest.param(live(created="soon"), 7.346, None, None, id="not-a-time"),
        pytest.param(live(count=None), 0.0, 10.0, 0.0, id="no-instance-yet"),
        pytest.param(live(kind="Standard_X9"), None, 10.0, None, id="no-price"),
        pytest.param(live(kind=A.upper()), 7.346, 10.0, 73.46, id="sizes-in-any-case"),
    ],
)
def test_a_deployment(deployment: Live, hour: float | None, hours: float | None, so_far: float | None) -> None:
    found = running_cost([deployment], Fixed(KNOWN), "eastus", NOW)
    [row] = found["deployments"]
    assert (row["hour"], row["hours"], row["so_far"]) == (hour, hours, so_far)
    assert (found["hour"], found["so_far"]) == (hour, so_far)


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    found = running_cost([live(), live("green", "Standard_X9")], Fixed(KNOWN), "eastus", NOW)
    assert (found["hour"], found["month"], found["so_far"]) == (None, None, None)
    assert [row["hour"] for row in found["deployments"]] == [7.346, None]


def test_prices_in_two_currencies_are_not_added_up() -> None:
    both = {**KNOWN, "standard_x9": Price(3.0, "EUR", "cache", "2026-11-29")}
    found = running_cost([live(), live("green", "Standard_X9")], Fixed(both, "EUR"), "eastus", NOW)
    assert (found["currency"], found["hour"]) == ("EUR", None)
    assert [row["hour"] for row in found["deployments"]] == [None, 6.0]


def test_where_only_the_table_answers_its_currency_is_shown() -> None:
    found = running_cost([live()], Fixed(KNOWN, "EUR"), "eastus", NOW)
    assert (found["currency"], found["hour"]) == ("USD", 7.346)


@pytest.mark.parametrize(
    ("local", "sentence"),
    [
        pytest.param(
            False,
            "$7.35/h, $5,363 a month; about $73.46 so far (list price x instances now x hours since Azure made the "
            "deployment: an estimate, not a bill; list prices of eastus, 2026-11-30)",
            id="on-azure",
        ),
        pytest.param(
            True,
            "on Azure $7.35/h, $5,363 a month; about $73.46 so far (list price x instances now x hours since Azure "
            "made the deployment: an estimate, not a bill; list prices of eastus, 2026-11-30); nothing is billed here",
            id="locally",
        ),
    ],
)
def test_words_of_status(local: bool, sentence: str) -> None:
    cost = running_cost([live()], Fixed(KNOWN), "eastus", NOW)
    shown = with_costs({"deployments": [{"name": "blue"}, {"name": "other"}], "cost": cost}, local=local)
    assert shown["cost"] == sentence
    assert [row["cost"] for row in shown["deployments"]] == ["$7.35/h", ""]


def test_without_deployments_there_is_no_word_of_it() -> None:
    assert with_costs({"deployments": [], "cost": None}, local=False) == {"deployments": []}


def test_words_of_list() -> None:
    cost = running_cost([live()], Fixed(KNOWN), "eastus", NOW)
    [line] = workspace_cost_lines(cost, local=False)
    assert line.startswith("All of it costs $7.35/h, $5,363 a month (list prices of eastus, 2026-11-30: pay as you go")


def test_a_workspace_where_nothing_runs_has_no_word_of_prices() -> None:
    nothing = {"currency": "USD", "region": "eastus", "source": "table", "as_of": "", "note": ""}
    assert workspace_cost_lines({**nothing, "hour": 0, "month": 0}, local=True) == [
        "Nothing runs, so no instance is paid for"
    ]
