"""Background responses over a stand-in for vLLM's handler: they end, whatever happens to whom."""

import asyncio
import time
from pathlib import Path

import pytest

from scoring.problems import Problem
from scoring.responses.background import AT_ONCE
from scoring.responses.record import Record, read_record
from scoring.responses.store.base import ResponseStoreSettings
from scoring.web.admission import Admission
from tests.scoring.bodies import ENDS
from tests.scoring.responses.stand_in import QUICK, BrokenStore, Instance, memory, two_instances

pytestmark = pytest.mark.anyio


async def test_a_background_response_ends_and_is_counted_until_then(tmp_path: Path) -> None:
    async with two_instances(tmp_path) as (one, other):
        body = {"input": "Hi", "request_id": "resp_1", "background": True}
        assert (await one.ask("POST", body=body))[1]["status"] == "queued"
        assert (await other.ask("GET", "/resp_1"))[1]["status"] == "queued"
        assert len(one.counter.tasks) == 1
        status, refusal = await other.ask("POST", body={"input": "More", "previous_response_id": "resp_1"})
        assert (status, refusal["error"]["param"]) == (400, "previous_response_id")
        one.handler.go.set()
        assert (await other.until("resp_1", "completed"))["output"] == one.handler.output
        await one.until_idle()


async def test_a_background_response_that_breaks_has_failed_and_keeps_the_engines_secrets() -> None:
    one = Instance(memory())
    one.handler.broken = True
    await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
    one.handler.go.set()
    failed = await one.until("resp_1", "failed")
    assert failed["error"] == {"code": "server_error", "message": "The response could not be generated."}


@pytest.mark.parametrize("asked", [pytest.param(0, id="here"), pytest.param(1, id="elsewhere")])
@pytest.mark.parametrize(("method", "path"), [("POST", "/resp_1/cancel"), ("DELETE", "/resp_1")])
async def test_it_stops_when_it_is_cancelled_or_deleted(tmp_path: Path, asked: int, method: str, path: str) -> None:
    async with two_instances(tmp_path) as instances:
        one = instances[0]
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
        status, body = await instances[asked].ask(method, path)
        assert status == 200
        assert body.get("status", "cancelled") == "cancelled"
        await asyncio.wait(one.handler.tasks, timeout=10)
        assert one.handler.tasks[0].cancelled()
        await one.until_idle()
        found = [await instance.ask("GET", "/resp_1") for instance in instances]
        if method == "DELETE":
            assert [status for status, _ in found] == [404, 404]
        else:
            assert [body["status"] for _, body in found] == ["cancelled", "cancelled"]
            assert (await instances[asked].ask(method, path))[1]["status"] == "cancelled"


async def test_a_response_of_an_instance_that_has_died_has_failed() -> None:
    one = Instance(memory())
    response = {"id": "resp_1", "status": "in_progress", "background": True}
    record = Record(response, {"format": "chat", "items": []}, alive_until=time.time() - 1)
    await one.store.put("resp_1", record.to_bytes())
    status, body = await one.ask("GET", "/resp_1")
    assert (status, body["status"]) == (200, "failed")
    assert "has ended" in body["error"]["message"]


async def test_a_shutdown_leaves_no_response_behind_unfinished() -> None:
    one = Instance(memory())
    await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
    await asyncio.sleep(0)  # the watcher has begun
    (watcher,) = one.counter.tasks
    watcher.cancel()
    await asyncio.wait({watcher}, timeout=10)
    payload = await one.store.get("resp_1")
    assert payload is not None
    assert "shut down" in read_record(payload).response["error"]["message"]


async def test_a_stream_can_be_followed_from_any_event_on_and_ends_when_it_is_cancelled() -> None:
    one = Instance(memory())
    body = {"input": "Hi", "request_id": "resp_1", "background": True, "stream": True}
    first = asyncio.create_task(one.raw("POST", body=body))
    await one.until("resp_1", "queued")
    second = asyncio.create_task(one.raw("GET", "/resp_1", query="stream=true&starting_after=0"))
    await asyncio.sleep(QUICK)
    assert not first.done()
    assert not second.done()
    await one.ask("POST", "/resp_1/cancel")
    async with asyncio.timeout(10):
        texts = [(await first)[1], (await second)[1]]
    assert "response.created" in texts[0]
    assert "response.created" not in texts[1]
    assert all('"status": "cancelled"' in text for text in texts)
    assert await one.raw("GET", "/resp_1", query="stream=true&starting_after=0") == (200, texts[1])


@pytest.mark.parametrize("end", ENDS)
async def test_the_events_of_a_finished_stream_can_be_read_elsewhere(tmp_path: Path, end: str) -> None:
    async with two_instances(tmp_path) as (one, other):
        one.handler.end = end
        body = {"input": "Hi", "request_id": "resp_1", "background": True, "stream": True}
        first = asyncio.create_task(one.raw("POST", body=body))
        await one.until("resp_1", "queued")
        status, refusal = await other.ask("GET", "/resp_1", query="stream=true")
        assert (status, refusal["error"]["param"]) == (400, "stream")
        one.handler.go.set()
        await first
        status, text = await other.raw("GET", "/resp_1", query="stream=true")
        assert [line for line in text.splitlines() if line.startswith("event")] == [
            "event: response.created",
            f"event: {end}",
        ]


async def test_while_the_store_is_down_plain_requests_go_on_and_others_are_told_to_come_back() -> None:
    store = BrokenStore(ResponseStoreSettings())
    one = Instance(store)
    store.off = True
    assert (await one.ask("POST", body={"input": "Hi"}))[0] == 200
    for method, path, body in (
        ("GET", "/resp_1", None),
        ("POST", "", {"input": "Hi", "previous_response_id": "resp_1"}),
        ("POST", "", {"input": "Hi", "background": True}),
    ):
        assert (await one.ask(method, path, body))[0] == 503
        assert one.refused is not None
        assert any(name == b"retry-after" for name, _ in one.refused.headers)
    await asyncio.wait(one.handler.tasks, timeout=10)
    assert [task.cancelled() for task in one.handler.tasks] == [True]
    assert not one.surface.background.running


async def test_background_responses_are_bounded() -> None:
    one = Instance(memory())
    body = {"input": "Hi", "background": True}
    for _ in range(AT_ONCE):
        assert (await one.ask("POST", body=body))[0] == 200
    assert (await one.ask("POST", body=body))[0] == 429
    one.handler.go.set()
    await one.until_idle()
    assert (await one.ask("POST", body=body))[0] == 200


async def test_a_background_response_keeps_its_place_at_the_engine_until_it_ends() -> None:
    one, gate = Instance(memory()), Admission(running=1, queued=0)
    with gate.admitted():
        await one.ask("POST", body={"input": "Hi", "request_id": "resp_1", "background": True})
    assert gate.inside == 1
    with pytest.raises(Problem, match="limit of 1") as caught:
        gate.check_room()
    assert caught.value.status == 429
    one.handler.go.set()
    await one.until("resp_1", "completed")
    await one.until_idle()
    assert gate.inside == 0
