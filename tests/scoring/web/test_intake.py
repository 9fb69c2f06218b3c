"""Bodies on their way in, with plain messages: each within its time and length, all of them within their room."""

import asyncio
from typing import Any

import pytest

from scoring.asgi import Message, Receive, local_scope
from scoring.problems import Problem
from scoring.settings.limits import Limits
from scoring.web.intake import FREE_BYTES, Intake

LIMITS = Limits(max_body_bytes=3 * FREE_BYTES, max_reading_bytes=3 * FREE_BYTES, body_seconds=1)
PIECE = b"x" * FREE_BYTES


def sending(pieces: int, *, whole: bool) -> Receive:
    """Give so many pieces of a body; then nothing comes any more, unless that is the whole."""
    left = pieces

    async def receive() -> Message:
        nonlocal left
        if not left:
            await asyncio.Event().wait()
        left -= 1
        return {"type": "http.request", "body": PIECE, "more_body": bool(left) or not whole}

    return receive


async def read(intake: Intake, pieces: int, *, whole: bool = True) -> int:
    scope = local_scope("POST", "/score")
    scope["headers"] = []
    return len(await intake.read(scope, sending(pieces, whole=whole)))


def refused(work: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        asyncio.run(work)
    return caught.value


def test_whole_bodies_leave_room() -> None:
    async def many() -> list[int]:
        return [await read(intake, 3) for _ in range(5)]

    intake = Intake(LIMITS)
    assert asyncio.run(many()) == [3 * FREE_BYTES] * 5
    assert intake.held == 0


def test_body_that_does_not_end_is_given_up() -> None:
    intake = Intake(LIMITS)
    problem = refused(read(intake, 2, whole=False))
    assert (problem.status, problem.headers) == (408, [(b"connection", b"close")])
    assert intake.held == 0


def test_too_long_body_is_refused() -> None:
    assert refused(read(Intake(LIMITS), 4)).status == 413


def test_bodies_that_are_half_sent_leave_no_room_but_for_short_ones() -> None:
    async def crowd() -> None:
        waiting = [asyncio.ensure_future(read(intake, 2, whole=False)) for _ in range(3)]
        await asyncio.sleep(0)
        assert await read(intake, 1) == FREE_BYTES
        try:
            await read(intake, 2)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    intake = Intake(LIMITS)
    problem = refused(crowd())
    assert problem.status == 429
    assert {b"connection", b"retry-after", b"x-should-retry"} == dict(problem.headers).keys()
    assert intake.held == 0
