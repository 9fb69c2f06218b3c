"""When an answer's pieces go out: the head with the first one, those of one step of the engine one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from scoring.asgi import Message
from scoring.outlet import Outlet, in_one_go, outlet

HEAD: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
}
WHOLE: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


def piece(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


class Connection:
    """One of several connections that share a list of what has been sent, in its order."""

    def __init__(self, name: str, sent: list[str]) -> None:
        self.flow = SimpleNamespace(write_paused=False)
        self.begun = asyncio.Event()
        self._name = name
        self._sent = sent

    async def send(self, message: Message) -> None:
        if self._name == "broken":
            raise OSError("the connection is gone")
        self._sent.append(f"{self._name}: {message.get('status') or message['body'].decode()}")
        self.begun.set()

    def way(self, *, head_waits: float = 3600) -> Outlet:
        return outlet(self.send, self.send, self.send, head_waits=head_waits)


def run(work: Callable[[list[str]], Awaitable[None]]) -> list[str]:
    sent: list[str] = []

    async def within() -> None:
        await work(sent)

    asyncio.run(within())
    return sent


def test_the_head_of_a_stream_goes_out_with_its_first_piece() -> None:
    async def work(sent: list[str]) -> None:
        way = Connection("a", sent).way()
        await way(HEAD)
        assert not sent
        assert not way.begun
        await way(piece("1"))
        await way(piece("2"))

    assert run(work) == ["a: 200", "a: 1", "a: 2"]


def test_a_head_does_not_wait_for_a_piece_that_is_late() -> None:
    async def work(sent: list[str]) -> None:
        connection = Connection("a", sent)
        way = connection.way(head_waits=0)
        await way(HEAD)
        await asyncio.wait_for(connection.begun.wait(), 30)
        assert way.begun
        await way(piece("1"))

    assert run(work) == ["a: 200", "a: 1"]


def test_the_head_of_a_whole_answer_goes_out_at_once() -> None:
    async def work(sent: list[str]) -> None:
        await Connection("a", sent).way()(WHOLE)
        assert sent

    assert run(work) == ["a: 200"]


def test_a_head_that_waited_in_vain_is_forgotten() -> None:
    async def work(sent: list[str]) -> None:
        with closing(Connection("a", sent).way(head_waits=0.001)) as way:
            await way(HEAD)
        await asyncio.sleep(0.01)

    assert run(work) == []


def test_pieces_of_one_step_go_out_one_after_the_other_at_its_end() -> None:
    async def work(sent: list[str]) -> None:
        ways = [Connection(name, sent).way() for name in "abc"]
        with in_one_go():
            for way in ways:
                way.write_now("1")
            assert not sent
        ways[0].write_now("at once")

    assert run(work) == ["a: 1", "b: 1", "c: 1", "a: at once"]


def test_pieces_go_out_even_if_the_step_fails() -> None:
    async def work(sent: list[str]) -> None:
        way = Connection("a", sent).way()

        def step() -> None:
            with in_one_go():
                way.write_now("1")
                raise ValueError("a later output is broken")

        with pytest.raises(ValueError, match="a later output is broken"):
            step()

    assert run(work) == ["a: 1"]


def test_a_connection_that_fails_ends_its_own_stream_only() -> None:
    told: dict[str, list[Any]] = {"broken": [], "b": []}

    async def work(sent: list[str]) -> None:
        with in_one_go():
            for name, failures in told.items():
                way = Connection(name, sent).way()
                way.collectors.append(SimpleNamespace(put=failures.append))
                way.write_now("1")

    assert run(work) == ["b: 1"]
    assert [str(failure) for failure in told["broken"]] == ["the connection is gone"]
    assert told["b"] == []
