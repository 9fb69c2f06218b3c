"""A response under way, over engines that answer, refuse, break off or hang as a test wants."""

import asyncio
from typing import Any

import pytest

from scoring.asgi import ClientGone, Message, Receive, Scope, Send, local_scope, never
from scoring.problems import Problem
from scoring.responses.events.machine import Machine
from scoring.responses.events.writing import Event
from scoring.responses.generation import Generation, Sending, Sink
from tests.scoring.responses.checking import check_events, read_events
from tests.scoring.responses.engines import Engine, Step, hanging, raising, refusing, saying
from tests.scoring.responses.events.chats import call, ended, machine_for, text, thought, used

WHOLE = [text(""), text("Hi"), text(" you"), ended(), used(3, 4)]


class Client:
    """What a client gets."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.ended = False
        self.has_begun = asyncio.Event()  # to read what the model says

    async def send(self, message: Message) -> None:
        assert not self.ended, "sent behind the end"
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.body += message.get("body", b"")
        if b"Hi" in self.body:
            self.has_begun.set()
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")

    def last(self) -> dict[str, Any]:
        assert (self.status, self.ended) == (200, True)
        return check_events(read_events(self.body))


def generation_of(*steps: Step, **more: Any) -> Generation:
    engine: Any = Engine(list(steps))
    return Generation(engine, machine_for(), {"messages": [], "stream": True}, **more)


async def stream(generation: Generation, receive: Receive, client: Client) -> None:
    async with Sending(client.send) as sink:
        await generation.run(local_scope("POST", "/v1/responses"), receive, sink)


async def streamed(generation: Generation, receive: Receive = never) -> Client:
    client = Client()
    await stream(generation, receive, client)
    return client


@pytest.mark.anyio
@pytest.mark.parametrize("size", [0, 1, 7, 100, 1000])
async def test_a_stream_however_its_bytes_come(size: int) -> None:
    client = await streamed(generation_of(saying(WHOLE, size)))
    last = client.last()
    assert last["output"][0]["content"][0]["text"] == "Hi you"
    assert last["usage"]["output_tokens"] == 4


@pytest.mark.anyio
async def test_whole_and_streamed_are_the_same() -> None:
    whole = generation_of(saying(WHOLE))
    events: list[Event] = []

    async def sink(some: list[Event]) -> None:
        events.extend(some)

    await whole.run(local_scope("POST", "/v1/responses"), never, sink)
    assert b"".join(events) == (await streamed(generation_of(saying(WHOLE)))).body
    assert whole.response == check_events(read_events(b"".join(events)))


@pytest.mark.anyio
async def test_it_is_told_to_be_under_way_as_soon_as_the_engine_has_taken_it() -> None:
    client, begun = Client(), asyncio.Event()

    async def step(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await never()

    task = asyncio.create_task(stream(generation_of(step), never, client))
    await begun.wait()
    kinds = [event["type"] for event in read_events(client.body)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kinds == ["response.created", "response.in_progress"]


@pytest.mark.anyio
async def test_a_refusal_before_the_first_event_is_a_problem_in_the_words_of_responses() -> None:
    client = Client()
    with pytest.raises(Problem) as caught:
        await stream(
            generation_of(refusing(400, "`max_completion_tokens` is too large", "max_completion_tokens")), never, client
        )
    assert (caught.value.status, caught.value.param) == (400, "max_output_tokens")
    assert caught.value.message == "`max_output_tokens` is too large"
    assert client.status == 0


ERROR = {"error": {"message": "The engine has died.", "type": "InternalServerError", "param": None, "code": 500}}
BUSY = {"error": {"message": "Too many.", "type": "RateLimitError", "param": None, "code": 429}}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        pytest.param(saying([text("Hi"), ERROR]), "server_error", "The engine has died.", id="an error in the midst"),
        pytest.param(saying([BUSY]), "rate_limit_exceeded", "Too many.", id="an error at once"),
        pytest.param(saying([text("Hi")], last=b""), "server_error", "given the answer up", id="an end without reason"),
        pytest.param(
            saying([text("Hi"), ended("abort")]), "server_error", "given the answer up", id="aborted by the engine"
        ),
        pytest.param(
            raising([text("Hi")], Problem(503, "Broken off.")), "server_error", "Broken off.", id="the front dies"
        ),
        pytest.param(raising([text("Hi")], ValueError("secret")), "server_error", "could not be", id="a fault of ours"),
        pytest.param(saying([text("Hi")], last=b"data: {nonsense\n\n"), "server_error", "could not be", id="no JSON"),
    ],
)
async def test_a_failure_within_a_stream_is_its_last_event(step: Step, code: str, message: str) -> None:
    generation = generation_of(step)
    client = await streamed(generation)
    last = client.last()
    assert (last["status"], last["error"]["code"]) == ("failed", code)
    assert message in last["error"]["message"]
    assert "secret" not in client.body.decode()
    assert generation.problem is not None
    assert generation.response == last


@pytest.mark.anyio
async def test_the_end_of_the_process_is_told_and_passed_on() -> None:
    client, ends = Client(), []

    async def on_end() -> None:
        ends.append(len(client.body))

    generation = generation_of(hanging([thought("Hm"), text("Hi")]), on_end=on_end)
    task = asyncio.create_task(stream(generation, never, client))
    await client.has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    last = client.last()
    assert last["status"] == "failed"
    assert last["error"]["message"] == "The server is shutting down."
    assert [item["status"] for item in last["output"]] == ["completed", "incomplete"]
    assert ends[0] < len(client.body), "it is kept before its end is told"


@pytest.mark.anyio
async def test_who_cancels_for_another_reason_says_so_before() -> None:
    client = Client()
    generation = generation_of(hanging([text("Hi")]))
    task = asyncio.create_task(stream(generation, never, client))
    await client.has_begun.wait()
    events = generation.machine.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert check_events(read_events(client.body + b"".join(events)))["status"] == "cancelled"


@pytest.mark.anyio
async def test_the_engine_gives_up_what_nobody_waits_for() -> None:
    client, left, ends = Client(), [], []
    gone = asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def on_end() -> None:
        ends.append(generation.response["status"])

    generation = generation_of(hanging([text("Hi")], left), on_end=on_end)
    task = asyncio.create_task(stream(generation, receive, client))
    await client.has_begun.wait()
    gone.set()
    with pytest.raises(ClientGone):
        await task
    assert (left, ends) == (["aborted"], ["cancelled"])


class OneMore:
    """Goes on with another answer as long as there are requests for it."""

    def __init__(self, *chats: dict[str, Any]) -> None:
        self.chats = list(chats)

    async def first(self, chat: dict[str, Any], machine: Machine, tell: Sink) -> dict[str, Any]:
        return chat

    async def next(self, machine: Machine, tell: Sink) -> dict[str, Any] | None:
        return self.chats.pop(0) if self.chats else None


@pytest.mark.anyio
async def test_several_answers_make_one_response() -> None:
    first = saying([call(0, "look", "{}"), ended("tool_calls"), used(3, 4)])
    generation = generation_of(first, saying(WHOLE), rounds=OneMore({"messages": ["more"]}))
    last = (await streamed(generation)).last()
    assert [item["type"] for item in last["output"]] == ["function_call", "message"]
    assert last["usage"]["input_tokens"] == 6
    assert generation.engine.asked[1] == {"messages": ["more"]}  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_a_refusal_of_a_later_answer_is_a_failure() -> None:
    first = saying([call(0, "look", "{}"), ended("tool_calls"), used(3, 4)])
    last = (await streamed(generation_of(first, refusing(400, "Too long."), rounds=OneMore({})))).last()
    assert (last["error"]["code"], last["error"]["message"]) == ("invalid_prompt", "Too long.")
    assert last["usage"]["input_tokens"] == 3


@pytest.mark.anyio
async def test_a_cut_answer_is_the_last() -> None:
    first = saying([call(0, "look", '{"a'), ended("length"), used(3, 4)])
    last = (await streamed(generation_of(first, rounds=OneMore({})))).last()
    assert last["status"] == "incomplete"
