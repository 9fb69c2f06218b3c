"""Logs of containers: bounded, private, without secrets."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from infra.emulator.host.log import ContainerLog

pytestmark = pytest.mark.anyio

OpenLog = Callable[..., ContainerLog]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[OpenLog]:
    with ExitStack() as stack:

        def open_log(**settings: Any) -> ContainerLog:
            return stack.enter_context(closing(ContainerLog(tmp_path / "log", **settings)))

        yield open_log


def test_a_log_keeps_its_newest_lines_within_bounds(open_log: OpenLog) -> None:
    log = open_log(limit=1000)
    for number in range(500):
        log.write(f"line {number}".encode())
        assert log.path.stat().st_size <= 1000
    assert log.tail(2) == "line 498\nline 499"
    assert "older lines were dropped" in log.tail(1000)


def test_secrets_are_masked_the_longest_first(open_log: OpenLog) -> None:
    log = open_log(secrets=["hf_abc", "hf_abc_longer", ""])
    log.write(b"first hf_abc_longer then hf_abc")
    assert log.tail(1) == "first *** then ***"


async def test_lines_that_come_in_pieces_are_put_together(open_log: OpenLog) -> None:
    log = open_log(secrets=["hf_secret_value"])
    stream = asyncio.StreamReader()
    for piece in (b"one\ntwo hf_sec", b"ret_value\nthr", b"ee"):
        stream.feed_data(piece)
    stream.feed_eof()
    await log.follow(stream)
    assert log.tail(10).split("\n") == ["one", "two ***", "three"]


async def test_an_endless_line_does_not_fill_memory(open_log: OpenLog) -> None:
    log = open_log()
    stream = asyncio.StreamReader()
    stream.feed_data(b"x" * 300_000)
    stream.feed_eof()
    await log.follow(stream)
    assert len(log.tail(100).split("\n")) > 1
    assert log.path.stat().st_size >= 300_000
