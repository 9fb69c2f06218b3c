"""When the fast path goes round vLLM's app, when it does not, and when it is off."""

import asyncio
import functools
import itertools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from scoring import fast_stream, inline_stream
from scoring.outlet import outlet

pytest.importorskip("vllm")

from vllm.entrypoints.generate.base.protocol import RequestResponseMetadata
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind
from vllm.tokenizers import get_tokenizer
from vllm.v1.engine import async_llm
from vllm.v1.engine.exceptions import EngineGenerateError

from tests.scoring.chat_handlers import (
    TEXT,
    Answer,
    Handlers,
    application,
    as_given,
    engine_steps,
    events,
    result,
    stream,
)


@pytest.fixture(scope="module")
def handlers(random_reasoning_weights: Path) -> Handlers:
    return Handlers(get_tokenizer(str(random_reasoning_weights)))


async def through_an_outlet(handlers: Handlers, fast: Any, answer: Answer, begun: bool) -> tuple[list[str], list[str]]:
    """Return what went to the connection in its order, and the part that went past the app."""
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b"").decode())

    way = outlet(send)
    if begun:
        await way({"type": "http.response.start"})
    arrived: list[str] = []
    generator = fast.chat_completion_stream_generator(
        ChatCompletionRequest(messages=[{"role": "user", "content": "Hi"}], stream=True),
        as_given(handlers.results(answer), None), "chatcmpl-1", "m", [], object(),
        RequestResponseMetadata(request_id="r"), chat_template_kwargs={},
    )  # fmt: skip
    passed = 0
    async for chunk in generator:
        arrived += [*sent[passed:], chunk]
        passed = len(sent)
    return arrived, sent


@pytest.mark.parametrize("begun", [True, False])
def test_pieces_go_past_the_app_once_the_answer_has_begun(handlers: Handlers, begun: bool) -> None:
    slow, fast = handlers.pair()
    answer = Answer(TEXT)
    arrived, direct = asyncio.run(through_an_outlet(handlers, fast, answer, begun))
    expected = asyncio.run(stream(slow, {"model": "m"}, handlers.results(answer), None))[:-1]
    assert events([chunk.replace('a \\"model\\"', "m") for chunk in expected]) == events(arrived)
    pieces = [text for text in direct if text]
    assert len(pieces) == (len(handlers.results(answer)) - 2 if begun else 0)


def test_a_client_that_leaves_ends_the_engines_stream(handlers: Handlers) -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[RequestOutput]:
        try:
            for number in itertools.count():
                yield result([number], "on ")
                await asyncio.sleep(0)
        finally:
            closed.append("closed")

    async def leave_early() -> None:
        _, fast = handlers.pair()
        source = endless()
        generator = fast.chat_completion_stream_generator(
            ChatCompletionRequest(messages=[], stream=True), source, "id", "m", [], object(),
            RequestResponseMetadata(request_id="r"),
        )  # fmt: skip

        async def read() -> None:
            async for _ in generator:
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave_early())
    assert closed == ["closed"]


class Unknown(OpenAIServingChat):
    """A vLLM whose generator has changed."""

    async def chat_completion_stream_generator(self, *arguments: Any, **named: Any) -> AsyncIterator[str]:
        yield "data: [DONE]\n\n"


class Lines(logging.Handler):
    """What is logged, as it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_an_unknown_vllm_switches_it_off_with_one_line() -> None:
    handler, log = object.__new__(Unknown), Lines()
    logger = logging.getLogger("scoring")
    logger.addHandler(log)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        assert not fast_stream.install(application(handler))
    finally:
        logger.removeHandler(log)
        logger.setLevel(level)
    assert type(handler) is Unknown
    assert len(log.lines) == 1
    assert log.lines[0].startswith("[fast stream] off: this vLLM streams chat completions in a way")


def test_a_vllm_that_lacks_a_part_keeps_its_own_collectors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr("vllm.v1.engine.async_llm.RequestOutputCollector")
    with caplog.at_level(logging.INFO, "scoring"):
        assert not inline_stream.install.__wrapped__()
    assert "[inline stream] off: this vLLM is not known here" in caplog.text


def test_what_stands_before_uvicorns_send_is_not_gone_round() -> None:
    seen: list[str] = []

    @functools.wraps(RequestResponseCycle.send)
    async def theirs(cycle: Any, message: Any) -> None:
        seen.append(message["type"])

    class Cycle:
        """A connection whose `send` somebody has wrapped, as agents that watch a server do."""

        transport, chunked_encoding, disconnected = None, True, False
        send = theirs

    line = Cycle().send
    way = outlet(line, line, line)
    way.write_now("data: a\n\n")
    assert seen == ["http.response.body"]


class BrokenConnection:
    """A connection that can no longer be written to, which nobody knows before a write."""

    flow = SimpleNamespace(write_paused=False)

    async def send(self, message: Any) -> None:
        raise OSError("the connection is gone")


def test_a_piece_that_cannot_be_written_is_told_by_its_own_cause(handlers: Handlers) -> None:
    assert inline_stream.install()
    line = BrokenConnection().send

    async def results() -> AsyncIterator[RequestOutput]:
        collector: Any = async_llm.RequestOutputCollector(RequestOutputKind.DELTA, "r")
        try:
            for _ in engine_steps(handlers.tokenizer, TEXT, [])(collector):
                yield collector.get_nowait() or await collector.get()
        except OSError as error:  # as vLLM's engine client does
            raise EngineGenerateError from error

    async def streamed() -> str:
        way = outlet(as_sent, line, line)
        await way({"type": "http.response.start"})
        _, fast = handlers.pair()
        generator = fast.chat_completion_stream_generator(
            ChatCompletionRequest(messages=[{"role": "user", "content": "Hi"}], stream=True), results(),
            "chatcmpl-1", "m", [], handlers.tokenizer, RequestResponseMetadata(request_id="r"), chat_template_kwargs={},
        )  # fmt: skip
        return "".join([chunk async for chunk in generator])

    assert '"message":"the connection is gone"' in asyncio.run(streamed()).replace('": "', '":"')


async def as_sent(message: Any) -> None:
    """Take what goes through vLLM's app."""


def test_the_setting_switches_it_off() -> None:
    handler = object.__new__(OpenAIServingChat)
    assert not fast_stream.install(application(handler), wanted=False)
    assert type(handler) is OpenAIServingChat


def test_a_foreign_middleware_sees_every_piece(handlers: Handlers) -> None:
    handler = handlers._handler("", "")
    assert fast_stream.install(application(handler, type("TheirMiddleware", (), {})))
    arrived, direct = asyncio.run(through_an_outlet(handlers, handler, Answer(TEXT), begun=True))
    assert [text for text in direct if text] == []
    slow, _ = handlers.pair()
    expected = asyncio.run(stream(slow, {}, handlers.results(Answer(TEXT)), None))[:-1]
    assert events([chunk.replace('a \\"model\\"', "m") for chunk in expected]) == events(arrived)
