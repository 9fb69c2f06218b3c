"""What a client of an endpoint sees: authentication, traffic, limits, errors, streams."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.frontend.servers import FrontEndServers
from infra.emulator.world import World

pytestmark = pytest.mark.anyio

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def test_every_path_method_and_body_passes(running: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        seen = (await running.request(method, "/v1/a%20b/c?q=1&q=%2F", content=b"text")).json()
        assert (seen["method"], seen["path"], seen["body"]) == (method, "/v1/a%20b/c?q=1&q=%2F", "text")
    head = await running.head("/v1/models")
    assert (head.status_code, head.content) == (200, b"")


async def test_large_and_chunked_bodies_pass(running: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    assert (await running.post("/", content=b"y" * 5_000_000)).json()["body"] == 5_000_000
    assert (await running.post("/", content=pieces())).json()["body"] == 4_000_000


async def test_the_container_sees_ids_and_no_key(running: httpx.AsyncClient) -> None:
    sent = {
        "x-request-id": "mine",
        "x-ms-client-request-id": "a b/c_d-" + "e" * 60,
        "X-Custom": "kept",
        "te": "trailers",
    }
    answer = await running.get("/describe", headers=sent)
    seen = answer.json()["headers"]
    assert "authorization" not in seen
    assert "te" not in seen
    assert seen["x-custom"] == "kept"
    assert GUID.fullmatch(seen["x-request-id"])
    assert answer.headers["x-request-id"] == seen["x-request-id"]
    expected = ("abc_d-" + "e" * 60)[:40]
    assert answer.headers["x-ms-client-request-id"] == seen["x-ms-client-request-id"] == expected
    assert int(answer.headers["ms-azureml-model-time"]) >= 0
    assert answer.headers.get_list("x-request-id") == [seen["x-request-id"]]


@pytest.mark.parametrize("status", [201, 204, 304, 400, 404, 422, 429, 500, 503])
async def test_any_other_status_of_the_container_becomes_424(running: httpx.AsyncClient, status: int) -> None:
    answer = await running.get(f"/status/{status}")
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
    if status not in (204, 304):
        assert answer.json() == {"said": status}
        assert answer.headers["content-type"] == "application/json"


async def test_a_slow_container_gets_408(running: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_deployment(requestSettings={"requestTimeout": "PT0.3S", "maxConcurrentRequestsPerInstance": 100})
    answer = await running.get("/slow/3")
    assert (answer.status_code, answer.text) == (408, "upstream request timeout")


async def test_a_stream_is_cut_at_the_timeout(running: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_deployment(requestSettings={"requestTimeout": "PT0.5S", "maxConcurrentRequestsPerInstance": 100})
    async with running.stream("GET", "/stream?n=100&gap=0.1") as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"data: 0\n\n"
        with pytest.raises(httpx.RemoteProtocolError):
            await drain(pieces)


async def test_a_container_that_dies_while_it_answers(running: httpx.AsyncClient) -> None:
    answer = await running.get("/exit")
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "503"
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"


async def test_a_container_that_dies_within_its_answer(running: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await running.get("/break")


async def test_no_ready_instance(client: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_deployment()
    answer = await client.get("/describe")
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-reason"] == "model_not_ready"


async def test_after_a_crash_requests_fail_as_model_errors_until_it_is_back(
    running: httpx.AsyncClient, world: World, workspace: Any
) -> None:
    await running.get("/exit")
    while (answer := await running.get("/describe")).status_code != 200:
        assert answer.status_code == 424
        assert answer.headers["ms-azureml-model-error-reason"] in ("model_not_ready", "model_error")
    assert world.host.instances(workspace.blue)[0]["restarts"] == 1


@pytest.mark.parametrize(
    ("traffic", "header", "expected"),
    [
        pytest.param({"blue": 100}, None, "blue", id="all-to-blue"),
        pytest.param({"blue": 0, "green": 100}, None, "green", id="all-to-green"),
        pytest.param({"blue": 100}, "green", "green", id="header-beats-traffic"),
        pytest.param({}, "GREEN", "green", id="header-without-traffic-in-any-case"),
        pytest.param({}, None, 404, id="no-traffic"),
        pytest.param({"blue": 0}, None, 404, id="zero-traffic"),
        pytest.param({"blue": 100}, "red", 404, id="unknown-deployment"),
    ],
)
async def test_traffic(
    running: httpx.AsyncClient,
    world: World,
    workspace: Any,
    traffic: dict[str, int],
    header: str | None,
    expected: str | int,
) -> None:
    await world.host.start(workspace.put_deployment(workspace.green))
    workspace.put_endpoint(traffic=traffic)
    answer = await running.get("/describe", headers={"azureml-model-deployment": header} if header else {})
    if isinstance(expected, int):
        assert answer.status_code == expected
    else:
        assert answer.json()["environment"]["NAME"] == expected


async def test_traffic_follows_the_weights(running: httpx.AsyncClient, world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment(workspace.green))
    workspace.put_endpoint(traffic={"blue": 80, "green": 20})
    answers = await asyncio.gather(*(running.get("/describe") for _ in range(150)))
    names = Counter(answer.json()["environment"]["NAME"] for answer in answers)
    # Binomial with n=150, p=0.2: outside of these bounds once in ten million runs.
    assert 8 <= names["green"] <= 60


async def test_mirrored_traffic_is_a_copy_that_nobody_waits_for(
    running: httpx.AsyncClient, world: World, workspace: Any, tmp_path: Path
) -> None:
    await world.host.start(workspace.put_deployment(workspace.green))
    workspace.put_endpoint(mirrorTraffic={"green": 100})
    answer = await running.post("/print?text=mirrored-question", content=b"body")
    assert answer.status_code == 200

    def mirrored() -> bool:
        return "mirrored-question" in world.host.logs(workspace.green, "InferenceServer", 20)

    await until(mirrored)
    await running.post("/print?text=addressed", headers={"azureml-model-deployment": "blue"})
    await running.post("/print?text=mirrored-again")
    await until(lambda: "mirrored-again" in world.host.logs(workspace.green, "InferenceServer", 20))
    assert "addressed" not in world.host.logs(workspace.green, "InferenceServer", 20)


async def test_too_many_pending_requests(running: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_deployment(requestSettings={"requestTimeout": "PT10S", "maxConcurrentRequestsPerInstance": 2})
    answers = await asyncio.gather(*(running.get("/slow/0.7") for _ in range(10)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 4, 429: 6}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["ms-azureml-model-error-reason"] == "too_many_pending_request"
    assert refused.headers["content-type"] == "text/plain"
    assert refused.content == b""
    assert (await running.get("/describe")).status_code == 200


async def test_instances_share_the_load(running: httpx.AsyncClient, world: World, workspace: Any) -> None:
    await world.host.start(workspace.put_deployment(count=2))
    streams = [asyncio.create_task(running.get("/slow/0.5")) for _ in range(6)]
    await until(lambda: sum(each["in_flight"] for each in world.host.instances(workspace.blue)) == 6)
    assert [each["in_flight"] for each in world.host.instances(workspace.blue)] == [3, 3]
    await asyncio.gather(*streams)
    assert [each["in_flight"] for each in world.host.instances(workspace.blue)] == [0, 0]


async def test_events_arrive_as_they_are_produced(running: httpx.AsyncClient) -> None:
    arrivals = []
    async with running.stream("GET", "/stream?n=4&gap=0.2") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        async for piece in answer.aiter_raw():
            arrivals.append((piece, time.monotonic()))
    assert b"".join(piece for piece, _ in arrivals) == b"".join(b"data: %d\n\n" % number for number in range(4))
    assert len(arrivals) == 4


async def test_many_streams_at_once(running: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_deployment(requestSettings={"requestTimeout": "PT60S", "maxConcurrentRequestsPerInstance": 200})
    limits = httpx.Limits(max_connections=300)
    async with httpx.AsyncClient(
        base_url=running.base_url, headers=running.headers, timeout=60, limits=limits, trust_env=False
    ) as many:
        answers = await asyncio.gather(*(many.get("/stream?n=5&gap=0.2") for _ in range(256)))
    assert Counter(answer.status_code for answer in answers) == {200: 256}
    assert all(answer.text.count("data:") == 5 for answer in answers)


async def test_a_client_that_leaves_cancels_the_request(
    running: httpx.AsyncClient, world: World, workspace: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "gone"
    async with running.stream("GET", f"/stream?n=10000&gap=0.02&mark={mark}") as answer:
        async for _ in answer.aiter_raw():
            break
    await until(mark.exists)
    await until(lambda: world.host.instances(workspace.blue)[0]["in_flight"] == 0)


async def test_pre_flight_requests_are_not_answered(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    answer = await client.options(
        "/", headers={"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 401
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [pytest.param({"status": 503, "times": 1}, 503, id="status"), pytest.param({"reset": True}, None, id="reset")],
)
async def test_faults_strike_endpoints_too(
    running: httpx.AsyncClient, world: World, rule: dict[str, Any], outcome: int | None
) -> None:
    world.faults.set([{"target": "endpoint", "path": "/describe", **rule}])
    if outcome:
        assert (await running.get("/describe")).status_code == outcome
    else:
        with pytest.raises(httpx.TransportError):
            await running.get("/describe")
    world.faults.set([])
    assert (await running.get("/describe")).status_code == 200


async def test_an_endpoint_keeps_its_port(world: World, workspace: Any) -> None:
    first = await world.front_ends.open(workspace.endpoint)
    assert await world.front_ends.open(workspace.endpoint.upper()) == first
    await world.front_ends.close_all()
    again = FrontEndServers(world, world.host)
    assert await again.open(workspace.endpoint) == first
    await again.close(workspace.endpoint)
    async with httpx.AsyncClient(trust_env=False) as late:
        with pytest.raises(httpx.ConnectError):
            await late.get(first)


async def test_a_port_that_somebody_has_taken_is_given_up(world: World, workspace: Any) -> None:
    first = await world.front_ends.open(workspace.endpoint)
    await world.front_ends.close_all()
    port = int(first.rpartition(":")[2])
    thief = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with thief:
        assert await world.front_ends.open(workspace.endpoint) != first


async def drain(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass


async def until(condition: Callable[[], Any], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)
