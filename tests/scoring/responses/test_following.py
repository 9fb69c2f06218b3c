"""Streams of responses in the background: left, taken up again from any event, here and elsewhere."""

import json

import pytest

from tests.scoring.responses.checking import check_events
from tests.scoring.responses.instances import ONE, SLOW, Instance, two_instances

pytestmark = pytest.mark.anyio


async def test_a_client_may_leave_and_follow_again_from_any_event_here_and_elsewhere(shared_url: str) -> None:
    async with two_instances(shared_url) as (one, other):
        one.engine.go.clear()
        first = one.call("POST", "/responses", {**SLOW, "stream": True})
        await first.until_event("response.output_text.delta")
        assert [event["type"] for event in first.events][:3] == [
            "response.created",
            "response.queued",
            "response.in_progress",
        ]
        first.hang_up()
        await first.done()
        followers = {
            (instance, after): instance.call("GET", f"{ONE}?stream=true&starting_after={after}")
            for instance in (one, other)
            for after in (0, 2, 4, 8)
        }
        await followers[other, 2].until_event("response.output_text.delta")
        one.engine.go.set()
        await one.until("resp_1", "completed")
        whole = (await other.call("GET", f"{ONE}?stream=true").done()).events
        assert check_events(whole)["status"] == "completed"
        assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
        for (_, after), follower in followers.items():
            assert (await follower.done()).events == whole[after + 1 :]
            check_events(follower.events, first=after + 1)


@pytest.mark.parametrize("stream", [pytest.param(True, id="streamed"), pytest.param(False, id="polled")])
async def test_the_events_of_one_that_has_ended_can_be_read_again(shared_url: str, *, stream: bool) -> None:
    async with two_instances(shared_url) as (one, other):
        await one.call("POST", "/responses", {**SLOW, "stream": stream}).done()
        ended = await one.until("resp_1", "completed")
        await one.until_idle()
        for instance in (one, other):
            events = (await instance.call("GET", f"{ONE}?stream=true").done()).events
            assert check_events(events) == ended
            last = len(events) - 1
            for after, expected in ((last - 1, events[-1:]), (last, []), (last + 1000, [])):
                again = await instance.call("GET", f"{ONE}?stream=true&starting_after={after}").done()
                assert (again.status, again.events) == (200, expected)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        pytest.param("stream=true&starting_after=-1", "starting_after", id="negative"),
        pytest.param("stream=true&starting_after=x", "starting_after", id="text"),
        pytest.param("stream=true&starting_after=", "starting_after", id="empty"),
        pytest.param("stream=true&starting_after=1e3", "starting_after", id="not-whole"),
        pytest.param("stream=true&starting_after=" + "9" * 400, "starting_after", id="endless"),
        pytest.param("starting_after=1", "starting_after", id="without-a-stream"),
        pytest.param("stream=perhaps", "stream", id="no-flag"),
        pytest.param("include[]=nothing", "include", id="unknown-include"),
    ],
)
async def test_what_a_reader_may_not_ask_is_refused_by_its_name(query: str, param: str) -> None:
    one = Instance()
    await one.ask("POST", "/responses", SLOW)
    await one.until("resp_1", "completed")
    status, refusal = await one.ask("GET", f"{ONE}?{query}")
    assert (status, refusal["error"]["param"], refusal["error"]["type"]) == (400, param, "invalid_request_error")
    assert len(json.dumps(refusal)) < 400


async def test_what_was_not_in_the_background_has_no_events_to_read_again() -> None:
    one = Instance()
    now = (await one.ask("POST", "/responses", {"input": "Hi"}))[1]
    status, refusal = await one.ask("GET", f"/responses/{now['id']}?stream=true")
    assert (status, refusal["error"]["param"]) == (400, "stream")
