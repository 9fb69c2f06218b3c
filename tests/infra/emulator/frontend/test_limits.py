"""What one endpoint takes: rate, bandwidth, sizes; all of it settable, Azure's numbers where Azure has one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.emulator.frontend.limits import Limits
from infra.emulator.state.settings import DEFAULTS
from infra.emulator.world import World

pytestmark = pytest.mark.anyio


def test_the_defaults_are_azures_numbers() -> None:
    assert DEFAULTS["endpoint_requests_per_second"] == 500
    assert DEFAULTS["endpoint_bytes_per_second"] == 5_000_000
    assert DEFAULTS["endpoint_request_bytes"] == DEFAULTS["endpoint_response_bytes"] == 0


async def test_more_requests_than_the_rate(running: httpx.AsyncClient, world: World) -> None:
    world.settings.update({"endpoint_requests_per_second": 2})
    answers = [await running.get("/describe") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    # No reason: that one names the limit of a deployment.
    assert "ms-azureml-model-error-reason" not in answers[2].headers
    world.settings.update({"endpoint_requests_per_second": 0})
    assert (await running.get("/describe")).status_code == 200


async def test_a_request_that_is_too_large(running: httpx.AsyncClient, world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 500

    world.settings.update({"endpoint_request_bytes": 1000})
    assert (await running.post("/", content=b"x" * 1000)).json()["body"] == 1000
    assert (await running.post("/", content=b"x" * 1001)).status_code == 413
    assert (await running.post("/", content=pieces())).status_code == 413


async def test_an_answer_that_is_too_large(running: httpx.AsyncClient, world: World) -> None:
    world.settings.update({"endpoint_response_bytes": 10})
    answer = await running.get("/describe")
    assert (answer.status_code, answer.headers["ms-azureml-model-error-reason"]) == (424, "model_error")


async def test_bytes_above_the_bandwidth_wait(bare_world: World) -> None:
    bare_world.settings.update({"endpoint_bytes_per_second": 1000})
    limits = Limits(bare_world.settings)
    await asyncio.wait_for(limits.wait_for_bandwidth(1000), 0.5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(limits.wait_for_bandwidth(5000), 0.05)
    bare_world.settings.update({"endpoint_bytes_per_second": 0})
    await asyncio.wait_for(limits.wait_for_bandwidth(10**9), 0.5)


def test_the_settings_go_with_the_endpoint_only(bare_world: World) -> None:
    one: Any = Limits(bare_world.settings)
    other: Any = Limits(bare_world.settings)
    bare_world.settings.update({"endpoint_requests_per_second": 1})
    assert [one.admits(), one.admits(), other.admits()] == [True, False, True]
