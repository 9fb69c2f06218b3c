"""Responses in the background: they end, whatever happens to whom, and everyone is told the same."""

import asyncio
import time

import pytest

from scoring.responses.background import AT_ONCE
from scoring.responses.record import LEASE_SECONDS, EventLog, Record, read_record
from tests.scoring.responses.checking import check_events, check_response
from tests.scoring.responses.instances import ONE, SLOW, BrokenStore, Instance, begun, memory, two_instances

pytestmark = pytest.mark.anyio


async def test_it_ends_and_is_counted_until_then(shared_url: str) -> None:
    async with two_instances(shared_url) as (one, other):
        await begun(one)
        await other.until("resp_1", "in_progress")
        assert len(one.service.in_flight) == 1
        body = {"input": "More", "previous_response_id": "resp_1"}
        status, refusal = await other.ask("POST", "/responses", body)
        assert (status, refusal["error"]["param"]) == (400, "previous_response_id")
        one.engine.go.set()
        ended = await other.until("resp_1", "completed")
        check_response(ended)
        assert ended["output"][0]["content"][0]["text"] == "Hi you."
        await one.until_idle()
        assert (await one.ask("GET", ONE))[1] == ended
        assert (await other.ask("POST", "/responses", body))[0] == 200


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        pytest.param("breaks", "server_error", "The response could not be generated.", id="engine-breaks"),
        pytest.param("refuses", "invalid_prompt", "It is too long.", id="engine-refuses"),
    ],
)
async def test_one_that_fails_says_why_and_keeps_the_engines_secrets(how: str, code: str, message: str) -> None:
    one = Instance()
    setattr(one.engine, how, True)
    stream = await one.call("POST", "/responses", {**SLOW, "stream": True}).done()
    failed = (await one.ask("GET", ONE))[1]
    check_response(failed)
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": code, "message": message}
    assert check_events(stream.events) == failed
    assert b"secret" not in stream.body


@pytest.mark.parametrize("asked", [pytest.param(0, id="here"), pytest.param(1, id="elsewhere")])
async def test_cancel_ends_the_engines_work_and_can_be_said_twice(shared_url: str, asked: int) -> None:
    async with two_instances(shared_url) as instances:
        one = instances[0]
        await begun(one)
        for _ in range(2):
            status, cancelled = await instances[asked].ask("POST", f"{ONE}/cancel")
            assert (status, cancelled["status"]) == (200, "cancelled")
            check_response(cancelled)
        await one.until_idle()
        assert one.engine.aborted == 1
        for instance in instances:
            assert (await instance.ask("GET", ONE))[1]["status"] == "cancelled"
            events = await instance.call("GET", f"{ONE}?stream=true").done()
            assert check_events(events.events)["status"] == "cancelled"


async def test_cancel_of_one_that_waits_for_its_place() -> None:
    one = Instance()
    one.engine.max_num_seqs = 1
    await begun(one)
    assert (await one.ask("POST", "/responses", {**SLOW, "request_id": "resp_2"}))[1]["status"] == "queued"
    assert (await one.ask("POST", "/responses/resp_2/cancel"))[1]["status"] == "cancelled"
    one.engine.go.set()
    await one.until_idle()
    assert len(one.engine.asked) == 1
    assert (await one.ask("GET", "/responses/resp_2"))[1]["status"] == "cancelled"
    assert (await one.ask("GET", ONE))[1]["status"] == "completed"


async def test_cancel_of_one_that_has_ended_changes_nothing_and_of_a_synchronous_one_is_refused() -> None:
    one = Instance()
    await one.ask("POST", "/responses", SLOW)
    ended = await one.until("resp_1", "completed")
    await one.until_idle()
    assert await one.ask("POST", f"{ONE}/cancel") == (200, ended)
    now = (await one.ask("POST", "/responses", {"input": "Hi"}))[1]
    status, refusal = await one.ask("POST", f"/responses/{now['id']}/cancel")
    assert (status, refusal["error"]["message"]) == (400, "Cannot cancel a synchronous response.")


@pytest.mark.parametrize("asked", [pytest.param(0, id="here"), pytest.param(1, id="elsewhere")])
@pytest.mark.parametrize(("method", "path"), [("DELETE", ONE), ("POST", f"{ONE}/delete")])
async def test_delete_ends_it_and_it_stays_deleted(shared_url: str, asked: int, method: str, path: str) -> None:
    async with two_instances(shared_url) as instances:
        one = instances[0]
        await begun(one)
        follower = instances[1].call("GET", f"{ONE}?stream=true")
        await follower.until_event("response.created")
        said = {"id": "resp_1", "object": "response", "deleted": True}
        assert await instances[asked].ask(method, path) == (200, said)
        await one.until_idle()
        assert one.engine.aborted == 1
        assert [(await instance.ask("GET", ONE))[0] for instance in instances] == [404, 404]
        assert check_events((await follower.done()).events)["status"] == "cancelled"


async def test_after_the_death_of_its_instance_it_has_failed() -> None:
    one = Instance()
    await begun(one)
    kept = await one.store.get("resp_1")
    assert kept is not None
    record = read_record(kept.payload)
    assert record is not None
    assert record.alive_until > time.time() + LEASE_SECONDS / 2
    record.alive_until = time.time() - 1
    other = Instance()
    await other.store.add("resp_1", record.to_bytes(), "")
    failed = (await other.ask("GET", ONE))[1]
    check_response(failed)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")
    assert "has ended" in failed["error"]["message"]
    events = (await other.call("GET", f"{ONE}?stream=true").done()).events
    assert check_events(events) == failed
    assert (await other.ask("POST", f"{ONE}/cancel"))[1] == failed
    one.engine.go.set()
    await one.until_idle()


async def test_as_long_as_it_runs_its_lease_is_renewed_in_every_store() -> None:
    one = Instance()
    await begun(one)
    work = one.responses.background.find("resp_1", "")
    assert work is not None
    later = time.time() + LEASE_SECONDS / 2
    work.lease.clock = lambda: later
    async with asyncio.timeout(10):
        while (kept := await one.store.get("resp_1")) is None or kept.version < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    record = read_record(kept.payload)
    assert record is not None
    assert record.alive_until == later + LEASE_SECONDS
    one.engine.go.set()
    await one.until("resp_1", "completed")


async def test_a_shutdown_tells_and_stores_the_end() -> None:
    one = Instance()
    await begun(one)
    follower = one.call("GET", f"{ONE}?stream=true")
    await follower.until_event("response.output_text.delta")
    queued = (await one.ask("POST", "/responses", {**SLOW, "request_id": "resp_2"}))[1]
    assert queued["status"] == "queued"
    await one.service.drain(0.01)
    later = Instance(one.store)
    for response_id in ("resp_1", "resp_2"):
        failed = (await later.ask("GET", f"/responses/{response_id}"))[1]
        check_response(failed)
        assert failed["status"] == "failed"
        assert "shut" in failed["error"]["message"]
        events = (await later.call("GET", f"/responses/{response_id}?stream=true").done()).events
        assert check_events(events) == failed
    assert check_events(follower.events)["error"] == failed["error"]
    assert one.engine.aborted == 2


async def test_a_burst_leaves_places_to_others_and_is_answered_in_its_order() -> None:
    one = Instance()
    one.engine.go.clear()
    for number in range(AT_ONCE):
        status, _ = await one.ask("POST", "/responses", {**SLOW, "request_id": f"resp_{number}", "input": str(number)})
        assert status == 200
    call = await one.call("POST", "/responses", {"input": "Hi", "background": True}).done()
    assert call.status == 429
    assert int(call.headers[b"retry-after"]) >= 1
    assert one.engine.running == one.engine.max_num_seqs // 2
    now = [one.call("POST", "/responses", {"input": "now"}) for _ in range(2)]
    await asyncio.sleep(0.02)
    assert one.engine.running == one.engine.max_num_seqs
    one.engine.go.set()
    assert [(await call.done()).status for call in now] == [200, 200]
    await one.until_idle()
    asked = [asked["messages"][-1]["content"] for asked in one.engine.asked]
    assert [text for text in asked if text != "now"] == [str(number) for number in range(AT_ONCE)]
    assert (await one.ask("POST", "/responses", {"input": "Hi", "background": True}))[0] == 200
    await one.until_idle()


async def test_while_the_store_is_down_plain_requests_go_on_and_others_are_told_to_come_back() -> None:
    store = BrokenStore(memory()._settings)
    one = Instance(store)
    store.off = True
    status, response = await one.ask("POST", "/responses", {"input": "Hi"})
    assert (status, response["status"], response["store"]) == (200, "completed", False)
    streamed = await one.call("POST", "/responses", {"input": "Hi", "stream": True}).done()
    assert check_events(streamed.events)["store"] is False
    for method, path, body in (
        ("GET", ONE, None),
        ("POST", "/responses", {"input": "Hi", "previous_response_id": "resp_1"}),
        ("POST", "/responses", {"input": "Hi", "background": True}),
        ("POST", "/responses", {"input": "Hi", "store": True}),
    ):
        call = await one.call(method, path, body).done()
        assert (call.status, b"retry-after" in call.headers) == (503, True), (method, body)
    await one.until_idle()


async def test_a_store_that_is_down_for_a_moment_at_the_end_loses_nothing() -> None:
    store = BrokenStore(memory()._settings)
    one = Instance(store)
    conversation = (await one.ask("POST", "/conversations", {}))[1]["id"]
    await begun(one, conversation=conversation)
    store.off = True
    one.engine.go.set()
    await asyncio.sleep(0.05)
    store.off = False
    await one.until_idle()
    later = Instance(store)
    assert (await later.ask("GET", ONE))[1]["status"] == "completed"
    assert len((await later.ask("GET", f"/conversations/{conversation}/items"))[1]["data"]) == 2


async def test_cancelled_elsewhere_at_the_last_moment_it_is_cancelled_for_all(shared_url: str) -> None:
    async with two_instances(shared_url) as (one, other):
        one.responses.keeper.look_seconds = 60
        await begun(one)
        stream = one.call("GET", f"{ONE}?stream=true")
        assert (await other.ask("POST", f"{ONE}/cancel"))[1]["status"] == "cancelled"
        one.engine.go.set()
        await one.until_idle()
        for instance in (one, other):
            response = (await instance.ask("GET", ONE))[1]
            check_response(response)
            assert response["status"] == "cancelled"
        assert (await stream.done()).events[-1]["response"]["status"] == "cancelled"


def test_a_record_is_read_as_it_was_written() -> None:
    log = EventLog()
    record = Record(
        {"id": "resp_1", "status": "in_progress", "output": []}, [{"id": "é"}], log.events, 1e12, settled=False
    )
    for text in (b"event: a\ndata: {}\n\n", b"event: b\ndata: {}\n\n"):
        log.events.append(text)
        assert read_record(record.to_bytes(log.packed())) == record
    assert read_record(record.to_bytes()) == record


@pytest.mark.parametrize("payload", [b"", b"gl-2", b"x" * 100, b"gl-2" + b"\xff" * 100, b"gl-2" + bytes(60)])
async def test_a_record_of_another_version_is_as_if_it_were_not_there(payload: bytes) -> None:
    one = Instance()
    await one.store.add("resp_1", payload, "")
    assert (await one.ask("GET", ONE))[0] == 404
    assert (await one.ask("POST", "/responses", {"input": "x", "previous_response_id": "resp_1"}))[0] == 404
