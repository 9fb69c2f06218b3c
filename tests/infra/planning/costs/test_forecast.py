"""What a plan costs, in figures and in lines for people."""

from typing import Any

import pytest

from infra.azure.prices.price import Price
from infra.cli.views.costs import cost_lines
from infra.planning.costs.basis import Basis
from infra.planning.costs.forecast import Cost, DeploymentCost, Running, Span

A, B, X = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_X9"


def priced(*deployments: DeploymentCost, currency: str = "USD", note: str = "", beside: bool = False) -> Cost:
    prices = {A.lower(): Price(3.673, currency, "retail-api", "2026-11-30")}
    return Cost(Basis("eastus", prices, currency, note), deployments, beside)


ONE, TWO = Running(A, 1, 3.673), Running(A, 2, 7.346)
LARGE, UNKNOWN = Running(B, 1, 7.346), Running(X, 1, None)


@pytest.mark.parametrize(
    ("cost", "lines"),
    [
        pytest.param(
            priced(DeploymentCost("blue", None, ONE)),
            ["Cost: $0/h → $3.67/h, $2,681 a month of 730 hours", f"  blue: 1 x {A}, $3.67/h"],
            id="created",
        ),
        pytest.param(
            priced(DeploymentCost("blue", ONE, ONE)),
            ["Cost: $3.67/h, $2,681 a month of 730 hours; no change", f"  blue: 1 x {A}, $3.67/h"],
            id="unchanged",
        ),
        pytest.param(
            priced(DeploymentCost("blue", ONE, TWO)),
            ["Cost: $3.67/h → $7.35/h, $5,363 a month of 730 hours", f"  blue: 1 → 2 x {A}, $3.67/h → $7.35/h"],
            id="scaled",
        ),
        pytest.param(
            priced(DeploymentCost("blue", ONE, LARGE)),
            [
                "Cost: $3.67/h → $7.35/h, $5,363 a month of 730 hours",
                f"  blue: 1 x {A}, $3.67/h → 1 x {B}, $7.35/h",
            ],
            id="replaced-in-place",
        ),
        pytest.param(
            priced(DeploymentCost("blue-1", None, LARGE), DeploymentCost("blue", ONE, None), beside=True),
            [
                "Cost: $3.67/h → $7.35/h, $5,363 a month of 730 hours",
                f"  blue-1: 1 x {B}, $7.35/h",
                f"  blue: 1 x {A}, $3.67/h → deleted",
                "  while both run: $11.02/h",
            ],
            id="replaced-beside",
        ),
        pytest.param(
            priced(DeploymentCost("blue", None, ONE, Span(1, 4, 3.673, 14.692))),
            [
                "Cost: $0/h → $3.67/h, $2,681 a month of 730 hours",
                f"  blue: 1 x {A}, $3.67/h; autoscale: 1 to 4 instances, $3.67/h to $14.69/h",
            ],
            id="autoscale",
        ),
        pytest.param(
            priced(DeploymentCost("blue", ONE, UNKNOWN)),
            [
                f"Cost: unknown, since there is no price of {X} in eastus",
                f"  blue: 1 x {A}, $3.67/h → 1 x {X}, an unknown price",
            ],
            id="unknown",
        ),
        pytest.param(
            priced(DeploymentCost("blue", None, Running(A, 1, 0.526)), currency="CHF"),
            ["Cost: CHF 0/h → CHF 0.526/h, CHF 384 a month of 730 hours", f"  blue: 1 x {A}, CHF 0.526/h"],
            id="another-currency",
        ),
    ],
)
def test_lines(cost: Cost, lines: list[str]) -> None:
    shown = cost_lines(cost, local=False)
    assert shown[:-2] == lines
    assert shown[-2] == "  list prices of eastus, 2026-11-30"


def test_locally_nothing_is_billed() -> None:
    lines = cost_lines(priced(DeploymentCost("blue", None, ONE)), local=True)
    assert lines[0].startswith("On Azure it would cost: $0/h → $3.67/h")
    assert lines[-1] == "  nothing is billed here"


def test_a_note_stands_where_the_prices_are_not_current() -> None:
    lines = cost_lines(priced(DeploymentCost("blue", None, ONE), note="list prices of 2025"), local=False)
    assert "  list prices of 2025" in lines


def test_the_document_of_a_program() -> None:
    span = Span(1, 4, 3.673, 14.692)
    cost = priced(
        DeploymentCost("blue", ONE, TWO, span), DeploymentCost("old", ONE, ONE, kept=True), beside=False
    ).to_json()
    rest: dict[str, Any] = {key: cost[key] for key in ("before", "after", "during", "autoscale")}
    assert list(cost)[:5] == ["currency", "region", "source", "as_of", "note"]
    assert rest == {
        "before": {"hour": 7.346, "month": 5362.58},
        "after": {"hour": 11.019, "month": 8043.87},
        "during": None,
        "autoscale": {"min": {"hour": 7.346, "month": 5362.58}, "max": {"hour": 18.365, "month": 13406.45}},
    }
    assert cost["deployments"][1] == {
        "name": "old",
        "before": {"instance_type": A, "instances": 1, "hour": 3.673},
        "after": {"instance_type": A, "instances": 1, "hour": 3.673},
        "autoscale": None,
        "kept": True,
    }
    unknown = priced(DeploymentCost("blue", ONE, UNKNOWN)).to_json()
    assert (unknown["before"]["hour"], unknown["after"]) == (3.673, {"hour": None, "month": None})
