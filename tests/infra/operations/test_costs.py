"""What `plan`, `status` and `list` say about money, with Azure's prices and without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli.views.costs import cost_lines, savings_line
from infra.emulator import launcher
from infra.operations.down import plan_savings
from infra.operations.status import list_stacks, status
from infra.planning.costs.forecast import Cost, forecast
from infra.planning.prepare import prepare

A, B = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4"
TERMS = "  pay as you go, without taxes; reservations and savings plans can make it less, endpoints cannot run on spot"


def cost_of(bench: Any, spec: Any) -> Cost:
    target = bench.target(spec)
    prepared = prepare(spec, target, token=None, sources=bench.sources)
    return forecast(prepared, target.prices)


@pytest.fixture
def cut_off(bench: Any) -> Iterator[None]:
    """The Prices API breaks every connection."""
    faults = f"{launcher.start(Path(bench.environ['GATELIFT_EMULATOR_STATE'])).portal}/faults"
    httpx.put(faults, json=[{"target": "prices", "reset": True}], trust_env=False).raise_for_status()
    yield
    httpx.delete(faults, trust_env=False).raise_for_status()


def test_from_nothing_to_two_sizes_side_by_side(bench: Any) -> None:
    spec = bench.spec("costs")
    first = cost_of(bench, spec)
    assert (first.before, first.after) == (0, 3.673)
    bench.up(spec)
    assert cost_lines(cost_of(bench, spec), local=False)[0] == "Cost: $3.67/h, $2,681 a month of 730 hours; no change"
    larger = spec.but(deployment=spec.deployment.but(instance_type=B))
    lines = cost_lines(cost_of(bench, larger), local=False)
    [new] = [change.name for change in bench.plan(larger).changes if change.kind == "deployment" and change.diff]
    assert lines[:3] == [
        "Cost: $3.67/h → $11.02/h, $8,044 a month of 730 hours",
        f"  {new}: 1 x {B}, $7.35/h",
        f"  blue: 1 x {A}, $3.67/h, kept at 0 % for `gatelift rollback`",
    ]
    assert lines[3].startswith("  list prices of eastus, 20")
    assert lines[4] == TERMS
    bench.down(spec)


def test_what_runs_costs_and_has_cost(bench: Any) -> None:
    spec = bench.spec("running")
    bench.up(spec)
    target = bench.target(spec)
    found = status(spec, target)["cost"]
    assert (found["currency"], found["region"], found["hour"], found["month"]) == ("USD", "eastus", 3.673, 2681.29)
    [row] = found["deployments"]
    assert (row["name"], row["instances"], row["hour"]) == ("blue", 1, 3.673)
    assert 0 <= row["hours"] < 1
    assert row["so_far"] == pytest.approx(3.673 * row["hours"], abs=0.05)
    listed = list_stacks(target)
    [stack] = [each for each in listed["stacks"] if each["name"] == "running"]
    assert stack["cost"] == {"hour": 3.673, "month": 2681.29}
    assert listed["cost"]["hour"] >= 3.673
    saves = plan_savings(spec, target)
    assert saves
    assert (saves["hour"], saves["month"]) == (3.673, 2681.29)
    assert savings_line(saves, local=False).startswith("This saves $3.67/h, $2,681 a month (list prices of eastus, 20")
    bench.down(spec)
    assert plan_savings(spec, target) is None
    assert status(spec, bench.target(spec))["cost"] is None


def test_with_the_prices_cut_off_the_table_stands_in(bench: Any, cut_off: None) -> None:
    spec = bench.spec("priceless")
    bench.up(spec)
    cost = cost_of(bench, spec)
    assert (cost.after, cost.basis.to_json()["source"]) == (3.673, "table")
    assert "from the table that comes along, because 127.0.0.1 cannot be reached" in cost.basis.note
    target = bench.target(spec)
    found = status(spec, target)["cost"]
    assert (found["hour"], found["source"]) == (3.673, "table")
    assert list_stacks(target)["cost"]["note"] == found["note"] != ""
    bench.down(spec)


def test_a_price_that_changed_makes_no_plan_stale(bench: Any, cut_off: None) -> None:
    spec = bench.spec("priced-late")
    plan = bench.plan(spec)
    assert "cost" not in plan.to_json()
    faults = f"{launcher.start(Path(bench.environ['GATELIFT_EMULATOR_STATE'])).portal}/faults"
    httpx.delete(faults, trust_env=False).raise_for_status()
    assert bench.up(spec, plan=plan).plan.has_changes
    bench.down(spec)
