"""The pieces of one step of the engine go out one after the other at its end, each to its own connection."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from scoring import inline_stream
from scoring.asgi import Message
from scoring.outlet import Outlet, burst


class Connection:
    """One of several connections that share a list of what happens, in its order."""

    def __init__(self, name: str, happened: list[str]) -> None:
        self.flow = SimpleNamespace(write_paused=False)
        self.name = name
        self.happened = happened

    async def send(self, message: Message) -> None:
        if self.name == "broken":
            raise OSError("the connection is gone")
        self.happened.append(f"{self.name} got {message['body'].decode()}")

    def way(self) -> Outlet:
        return Outlet(self.send, self.send, self.send)


def test_pieces_of_a_burst_go_out_in_their_order_at_its_end() -> None:
    happened: list[str] = []
    ways = [Connection(name, happened).way() for name in "abc"]
    with burst:
        for way in ways:
            way.write_now("1")
        assert not happened
    ways[0].write_now("2")
    assert happened == ["a got 1", "b got 1", "c got 1", "a got 2"]


def test_pieces_go_out_even_if_the_step_fails() -> None:
    happened: list[str] = []
    way = Connection("a", happened).way()

    def step() -> None:
        with burst:
            way.write_now("1")
            raise ValueError("a later output is broken")

    with pytest.raises(ValueError, match="a later output is broken"):
        step()
    way.write_now("2")
    assert happened == ["a got 1", "a got 2"]


def test_a_connection_that_fails_ends_its_own_stream_only() -> None:
    happened: list[str] = []
    told: dict[str, list[Any]] = {"broken": [], "b": []}
    with burst:
        for name, failures in told.items():
            way = Connection(name, happened).way()
            way.collectors.append(SimpleNamespace(put=failures.append))
            way.write_now("1")
    assert happened == ["b got 1"]
    assert [str(failure) for failure in told["broken"]] == ["the connection is gone"]
    assert told["b"] == []


class Taking:
    """Takes a request's plain text as a stream does, and notes when."""

    def __init__(self, connection: Connection) -> None:
        self._name, self._happened = connection.name, connection.happened
        self._way = connection.way()

    def may_take_text(self, token_ids: list[int]) -> bool:
        return True

    def take_text(self, text: str, token_ids: list[int]) -> bool:
        self._happened.append(f"{self._name} taken in")
        self._way.write_now("a piece")
        return True


def test_vllm_takes_in_all_of_a_step_before_any_of_it_goes_out(random_reasoning_weights: Any) -> None:
    pytest.importorskip("vllm")
    from vllm.sampling_params import RequestOutputKind, SamplingParams
    from vllm.tokenizers import get_tokenizer
    from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest, async_llm
    from vllm.v1.engine.output_processor import OutputProcessor

    assert inline_stream.install()
    happened: list[str] = []
    processor = OutputProcessor(get_tokenizer(str(random_reasoning_weights)), log_stats=False)

    async def step() -> None:
        for name in "ab":
            parameters = SamplingParams(output_kind=RequestOutputKind.DELTA, max_tokens=9)
            asked = EngineCoreRequest(name, [1], None, parameters, None, 0.0, None, None, None, external_req_id=name)
            collector: Any = async_llm.RequestOutputCollector(RequestOutputKind.DELTA, name)
            collector.text_sink = Taking(Connection(name, happened))
            processor.add_request(asked, "the prompt", queue=collector)
        processor.process_outputs([EngineCoreOutput(name, [400]) for name in "ab"])

    asyncio.run(step())
    assert happened == ["a taken in", "b taken in", "a got a piece", "b got a piece"]
