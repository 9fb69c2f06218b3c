"""What `status` tells a person to look at."""

from typing import Any

import pytest

from infra.operations.status import warnings

HEALTHY: dict[str, Any] = {
    "endpoint": {"name": "e", "state": "Succeeded", "traffic": {"blue": 100}},
    "deployments": [{"name": "blue", "state": "Succeeded"}],
    "instances": [{"deployment": "blue", "instance": 0, "ready": True, "restarts": 0, "last_exit": None}],
    "drift": [],
}
DEAD = {"deployment": "blue", "instance": 1, "ready": False, "restarts": 2, "last_exit": "killed by SIGKILL"}

PARKED = {"since": "2026-12-01T10:00:00Z"}
THEIRS = {"name": "theirs", "state": "Succeeded", "owner": "theirs"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, [], id="healthy"),
        pytest.param({"endpoint": None}, ["does not exist"], id="nothing-there-says-nothing-else"),
        pytest.param({"endpoint": {"traffic": {}}}, ["answers 404"], id="no-traffic"),
        pytest.param(
            {"endpoint": {"traffic": {"green": 100}, "previous": "blue"}}, ["blue gets no requests"], id="kept"
        ),
        pytest.param({"deployments": [{"name": "blue", "state": "Failed"}]}, ["blue failed"], id="failed"),
        pytest.param({"instances": [DEAD]}, ["is not ready", "restarted 2 times; last exit: killed"], id="killed"),
        pytest.param(
            {"drift": [{"kind": "endpoint", "name": "e", "action": "update", "fields": ["auth_mode"]}]},
            ["endpoint e differs from the spec (auth_mode)"],
            id="drift",
        ),
        pytest.param(
            {"stack": "s", "parked": PARKED, "deployments": [], "endpoint": {"traffic": {}}},
            ["parked since 2026-12-01 10:00 UTC: the endpoint answers 404; `gatelift wake`"],
            id="parked",
        ),
        pytest.param(
            {"stack": "s", "parked": PARKED, "deployments": [THEIRS], "endpoint": {"traffic": {"theirs": 100}}},
            ["parked since 2026-12-01 10:00 UTC: the requests go to theirs; `gatelift wake`"],
            id="parked-beside-others",
        ),
        pytest.param(
            {"stack": "theirs", "parked": PARKED, "deployments": [THEIRS], "endpoint": {"traffic": {}}},
            ["but theirs still exists and costs money: `gatelift park` deletes it"],
            id="parked-but-not-to-the-end",
        ),
        pytest.param({"refused": "it is not ours; adopt it"}, ["not ours; adopt"], id="not-ours"),
        pytest.param(
            {"drift": [{"kind": "code", "name": "c:1", "action": "create", "fields": ["name"]}]},
            ["code c:1 does not exist; "],
            id="missing",
        ),
    ],
)
def test_warnings(changed: dict[str, Any], expected: list[str]) -> None:
    found = list(warnings(HEALTHY | changed))
    assert len(found) == len(expected)
    assert [text for warning, text in zip(found, expected, strict=True) if text not in warning] == []
