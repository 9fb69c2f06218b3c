"""What Azure's front ends do with a container's answers, with methods, old clients and private endpoints."""

import asyncio
import os
import sys
from typing import Any

import httpx
import pytest
from openai import APIStatusError, AsyncOpenAI

from infra.cli.commands.connect import connect_text
from infra.emulator.world import World
from infra.operations.connect import ConnectInfo

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("status", "calls"), [pytest.param(429, 2, id="busy"), pytest.param(400, 1, id="refused")])
async def test_headers_and_body_of_a_refusal_pass(running: httpx.AsyncClient, status: int, calls: int) -> None:
    """What the container says is all there, so the openai client waits and asks again where it is told to."""
    answer = await running.get(f"/refuse/{status}")
    assert (answer.status_code, answer.json()) == (424, {"error": {"message": "as it is", "code": status}})
    assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
    before = int((await running.get("/refused")).text)
    url = f"{running.base_url}/refuse/{status}"
    async with AsyncOpenAI(base_url=url, api_key="first-key", max_retries=1) as client:
        with pytest.raises(APIStatusError) as refused:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    error = refused.value
    assert error.status_code == 424
    real = int(error.response.headers.get("ms-azureml-model-error-statuscode", error.status_code))
    assert (real, error.response.headers.get("retry-after")) == (status, "1" if status == 429 else None)
    assert int((await running.get("/refused")).text) - before == calls


@pytest.mark.parametrize(
    ("status", "printed"),
    [pytest.param(400, "400: ", id="refused"), pytest.param(503, "(retry after 1 s)", id="not-ready")],
)
async def test_the_program_that_connect_prints_shows_what_the_container_said(
    running: httpx.AsyncClient, status: int, printed: str
) -> None:
    url = f"{str(running.base_url).rstrip('/')}/refuse/{status}"
    program = connect_text(ConnectInfo(url, url, "first-key", "m", "e", "blue")).split("\n\n", 2)[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stderr=asyncio.subprocess.PIPE, env={**os.environ, "NO_PROXY": "127.0.0.1"}
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode().startswith(f"{status}: ")
    assert printed in told.decode()
    assert "as it is" in told.decode()


async def test_no_route_is_told_in_azures_words(running: httpx.AsyncClient, workspace: Any) -> None:
    workspace.put_endpoint(traffic={})
    answer = await running.get("/describe")
    assert answer.status_code == 404
    assert answer.text.startswith("No valid deployments to route to. Please check that the endpoint has at least one")


async def test_an_endpoint_without_public_access_answers_only_from_inside(
    running: httpx.AsyncClient, world: World, workspace: Any
) -> None:
    workspace.put_endpoint(publicNetworkAccess="Disabled")
    assert (await running.get("/describe")).status_code == 403
    assert (await running.get("/describe", headers={"Authorization": "Bearer wrong"})).status_code == 403
    world.settings.update({"endpoint_requests_from_inside": 1})
    assert (await running.get("/describe")).status_code == 200
    assert (await running.get("/describe", headers={"Authorization": "Bearer wrong"})).status_code == 401


async def test_delete_may_be_refused(running: httpx.AsyncClient, world: World) -> None:
    assert (await running.delete("/v1/responses/a")).status_code == 200
    world.settings.update({"endpoint_refuses_delete": 1})
    assert (await running.delete("/v1/responses/a")).status_code == 405
    assert (await running.post("/v1/responses/a/delete")).status_code == 200


async def test_http_1_0_gets_no_chunks(running: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.base_url.port)
    writer.write(b"GET /stream?n=3&gap=0 HTTP/1.0\r\nAuthorization: Bearer first-key\r\n\r\n")
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    writer.close()
    assert b"transfer-encoding" not in head.lower()
    assert body == b"".join(b"data: %d\n\n" % number for number in range(3))
