"""Faults that hold something back: which request of several, how many are held, and what is let go again."""

import concurrent.futures
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture
def faults(emulator: Any) -> Iterator[Callable[..., None]]:
    """Sets fault rules on the shared emulator; they are gone afterwards."""

    def set_rules(*rules: dict[str, Any]) -> None:
        httpx.put(f"{emulator.portal}/faults", json=list(rules), trust_env=False).raise_for_status()

    yield set_rules
    set_rules()


def test_a_rule_lets_pass_what_it_is_told_to(arm: Any, faults: Callable[..., None]) -> None:
    faults({"method": "GET", "path": "workspaces/lab", "status": 503, "skip": 2, "times": 1})
    assert [arm("GET", arm.lab).status_code for _ in range(4)] == [200, 200, 503, 200]


def test_a_request_that_hangs_is_counted_until_its_client_is_gone(
    arm: Any, faults: Callable[..., None], emulator: Any
) -> None:
    faults({"method": "GET", "path": "workspaces/lab", "hang": True, "times": 1})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(arm.client.get, f"{arm.lab}?api-version=2024-04-01", timeout=1.5)
        assert settles(emulator, 1)
        assert isinstance(asked.exception(), httpx.ReadTimeout)
    assert settles(emulator, 0)


def test_a_request_that_is_held_is_served_once_its_rule_is_gone(
    arm: Any, faults: Callable[..., None], emulator: Any
) -> None:
    faults({"method": "GET", "path": "workspaces/lab", "hold": True, "times": 1})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(arm.client.get, f"{arm.lab}?api-version=2024-04-01", timeout=60)
        assert settles(emulator, 1)
        assert not asked.done()
        faults()
        assert asked.result().status_code == 200


def test_an_operation_that_never_ends_goes_on_once_its_rule_is_gone(
    arm: Any, bodies: Any, faults: Callable[..., None]
) -> None:
    id = f"{arm.lab}/onlineEndpoints/patient"
    faults({"path": "onlineEndpoints/patient", "method": "PUT", "operation": "never", "times": 1})
    begun = arm("PUT", id, bodies["endpoint"]())
    assert arm("GET", id).json()["properties"]["provisioningState"] == "Creating"
    faults()
    assert arm.finish(begun)["status"] == "Succeeded"
    arm.done("DELETE", id)


def settles(emulator: Any, hanging: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rule = httpx.get(f"{emulator.portal}/faults", trust_env=False).json()[0]
        if (rule["struck"], rule["hanging"]) == (1, hanging):
            return True
    return False
