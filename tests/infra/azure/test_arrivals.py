"""Whether a write whose answer was lost has arrived is told from the resource."""

from typing import Any

import pytest

from infra.azure.arrivals import arrived_at, running_operation

SENT = {
    "location": "eastus",
    "tags": {"gatelift": "demo@1"},
    "identity": {"type": "SystemAssigned"},
    "properties": {"traffic": {"blue": 100}, "description": None, "properties": {"mine": "yes"}},
}


def shown(**changes: Any) -> dict[str, Any]:
    properties = {"traffic": {"blue": 100, "red": 0}, "provisioningState": "Updating", "properties": {"mine": "yes"}}
    return {"tags": {"gatelift": "demo@1", "other": "x"}, "properties": properties | changes}


@pytest.mark.parametrize(
    ("document", "arrived"),
    [
        pytest.param(shown(), True, id="there"),
        pytest.param(shown(traffic={"blue": 60, "red": 40}), False, id="another-split"),
        pytest.param(shown(mirrorTraffic={"red": 10}), True, id="what-was-not-sent"),
        pytest.param(shown(properties={"mine": "no"}), False, id="another-property"),
        pytest.param(shown() | {"tags": {"gatelift": "demo@0"}}, False, id="the-state-before"),
        pytest.param({}, False, id="nothing"),
        pytest.param([], False, id="no-object"),
    ],
)
def test_it_has_arrived_where_all_of_it_is_there(document: Any, arrived: bool) -> None:
    assert arrived_at(document, SENT) is arrived


def test_a_mirror_that_was_taken_away() -> None:
    sent = {"properties": {"mirrorTraffic": {}}}
    assert not arrived_at({"properties": {"mirrorTraffic": {"red": 10}}}, sent)
    assert arrived_at({"properties": {"mirrorTraffic": {"red": 0}}}, sent)


@pytest.mark.parametrize(("state", "url"), [("Creating", "https://arm/op"), ("Succeeded", ""), ("Failed", "")])
def test_the_operation_that_runs(state: str, url: str) -> None:
    properties = {"provisioningState": state, "properties": {"AzureAsyncOperationUri": "https://arm/op"}}
    assert running_operation({"properties": properties}) == url
