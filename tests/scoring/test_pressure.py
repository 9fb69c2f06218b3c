"""The whole HTTP surface over real sockets, with an engine that does as the test says: floods, readers that stall."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.scoring.pressed import BODY, CHAT, JSON, PIECE, Engine, Served, over_sockets, until

AZURE = "/chat/completions?api-version=2025-04-01"
MOST_PIECES = 160  # what sockets may hold for a reader that stalls: some megabytes


async def stands_still(engine: Engine) -> None:
    """Wait until no more pieces are made."""
    before = -1
    while engine.pieces != before:
        before = engine.pieces
        await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    ("path", "code"), [pytest.param(CHAT, 429, id="openai"), pytest.param(AZURE, "TooManyRequests", id="azure")]
)
@over_sockets()
async def test_flood_leaves_exactly_what_is_admitted(served: Served, path: str, code: Any) -> None:
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        inside = [asyncio.ensure_future(client.post(path, json=BODY)) for _ in range(4)]
        await until(lambda: served.engine.taken == 4)
        refused = await asyncio.gather(*(client.post(path, json=BODY) for _ in range(36)))
        assert {answer.status_code for answer in refused} == {429}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert all(answer.headers["x-should-retry"] == "true" for answer in refused)  # behind Azure's 424, too
        assert all(answer.json()["error"]["code"] == code for answer in refused)
        assert served.engine.taken == 4
        assert (await client.get("/health/ready")).status_code == 200
        served.engine.release.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
        assert (await client.post(path, json=BODY)).status_code == 200


@over_sockets()
async def test_place_is_free_as_soon_as_the_answer_has_ended(served: Served) -> None:
    served.engine.release.set()
    served.engine.lingers = True
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        for _ in range(10):
            assert (await client.post(CHAT, json=BODY, headers={"connection": "close"})).status_code == 200
    assert len(served.service.in_flight) == 10
    served.engine.lingers = False


@over_sockets()
async def test_reader_that_stalls_holds_up_its_own_stream_alone(served: Served) -> None:
    readers = [await served.stalled_reader() for _ in range(3)]
    await until(lambda: served.engine.taken == 3)
    await stands_still(served.engine)
    assert served.engine.pieces < MOST_PIECES * len(readers)
    served.engine.release.set()
    async with httpx.AsyncClient(base_url=served.url) as client:
        assert (await client.post(CHAT, json=BODY)).status_code == 200
    for reader in readers:
        reader.close()


@over_sockets()
async def test_reader_that_goes_on_gets_what_was_held_back(served: Served) -> None:
    reader = await served.stalled_reader()
    await until(lambda: served.engine.taken == 1)
    await stands_still(served.engine)
    held = served.engine.pieces
    loop = asyncio.get_running_loop()
    while served.engine.pieces < held + 50:
        assert await loop.sock_recv(reader, 2**20)
    reader.close()


@over_sockets(SCORING_STALL_SECONDS="1")
async def test_reader_that_stalls_for_too_long_is_given_up(served: Served) -> None:
    reader = await served.stalled_reader()
    await served.engine.left.wait()
    await until(lambda: not served.service.in_flight)
    reader.close()


@over_sockets()
async def test_reader_that_stalls_does_not_hold_up_the_end(served: Served) -> None:
    reader = await served.stalled_reader()
    await until(lambda: served.engine.taken == 1)
    await stands_still(served.engine)
    await served.end(0.1)
    reader.close()


@over_sockets()
async def test_half_a_request_does_not_hold_up_the_end(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 100\r\n\r\n{{".encode())
    async with httpx.AsyncClient(base_url=served.url) as client:
        assert (await client.get("/health/live")).status_code == 200
    await served.end(0.1)
    writer.close()


@over_sockets(SCORING_BODY_SECONDS="1")
async def test_half_a_body_is_given_up_and_its_connection_closed(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 100\r\n\r\n{{".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")  # read to its end: the connection is closed
    writer.close()


@over_sockets()
async def test_http_1_0_gets_a_stream_without_chunks(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    body = json.dumps({**BODY, "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b"transfer-encoding" not in answer.lower()
    assert await reader.readexactly(2 * len(PIECE)) == 2 * PIECE
    writer.close()
    await served.engine.left.wait()


def half_a_request(served: Served, body: bytes) -> bytes:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{JSON}content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body[:10]


@over_sockets()
async def test_body_that_is_on_its_way_at_the_end_is_waited_for(served: Served) -> None:
    served.engine.release.set()
    body = json.dumps(BODY).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(half_a_request(served, body))
    await until(lambda: bool(served.service.in_flight))
    ending = asyncio.ensure_future(served.end(30))
    await until(lambda: not served.service.ready)
    writer.write(body[10:])
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await ending


@over_sockets()
async def test_body_that_does_not_come_before_the_end_is_refused(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(half_a_request(served, json.dumps(BODY).encode()))
    await until(lambda: bool(served.service.in_flight))
    await served.end(0.1)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in head
    assert json.loads(body)["error"]["message"] == "The server is shutting down."
    writer.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b'{"messages": [' + b"{}," * 11_000_000 + b"{}]}", "SCORING_MAX_JSON_CONTAINERS", id="objects"),
        pytest.param(b'{"prompt": [' + b"1," * 16_000_000 + b"1]}", "SCORING_MAX_JSON_VALUES", id="tokens"),
        pytest.param(json.dumps({**BODY, "x": '{[,\\"' * 4_000_000}).encode(), "", id="brackets-in-a-text"),
    ],
)
@over_sockets()
async def test_big_body_does_not_hold_up_others(served: Served, body: bytes, words: str) -> None:
    served.engine.release.set()
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        headers = {"content-type": "application/json"}
        asking = asyncio.ensure_future(client.post(CHAT, content=body, headers=headers))
        await until(lambda: bool(served.service.in_flight))
        probes = 0
        while not asking.done():
            assert (await client.get("/health/live")).status_code == 200
            probes += 1
        answer = await asking
        assert answer.status_code == (422 if words else 200), answer.text[:500]
        assert words in answer.text
        assert len(answer.content) < 1000
        assert probes > 3
