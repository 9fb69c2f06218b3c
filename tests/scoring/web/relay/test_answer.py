"""One HTTP/1.1 answer, read in whatever pieces it comes."""

import pytest

from scoring.web.relay.answer import Answer, BadAnswer
from tests.scoring.web.relay.front import LAST, STREAM, chunk, whole

EVENTS = [b"data: one\n\n", b"data: two\n\n" * 40, b"x"]
CHUNKED = STREAM + b"".join(map(chunk, EVENTS)) + LAST
COUNTED = whole(b'{"a": 1}')


def read(*pieces: bytes) -> tuple[Answer, bytes]:
    answer = Answer()
    return answer, b"".join([answer.feed(piece) for piece in pieces])


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param(CHUNKED, b"".join(EVENTS), id="chunks"),
        pytest.param(COUNTED, b'{"a": 1}', id="length"),
        pytest.param(whole(b""), b"", id="empty"),
        pytest.param(whole(b"no", b"404 Not Found"), b"no", id="refusal"),
    ],
)
def test_split_at_every_byte(data: bytes, body: bytes) -> None:
    for at in range(1, len(data)):
        answer, found = read(data[:at], data[at:])
        assert (found, answer.ended, answer.keep_alive) == (body, True, True), at
    answer, found = read(*(data[at : at + 1] for at in range(len(data))))
    assert (found, answer.ended, answer.keep_alive) == (body, True, True)


def test_not_ended_before_the_last_byte() -> None:
    for data in (CHUNKED, COUNTED):
        for end in range(1, len(data)):
            assert not read(data[:end])[0].ended


def test_body_is_handed_on_before_its_chunk_is_whole() -> None:
    answer, found = read(STREAM, b"100000\r\n", b"x" * 1000)
    assert found == b"x" * 1000
    assert not answer.ended


def test_head_is_read() -> None:
    answer, _ = read(whole(b"", b"429 Too Many Requests", b"X-One:  two \r\nconnection: Close\r\n"))
    assert (answer.status, answer.length) == (429, 0)
    assert (b"x-one", b"two") in answer.headers
    assert not answer.keep_alive


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="interim"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no-length"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", id="negative-length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70000 + b"\r\n\r\n", id="long-head"),
        pytest.param(b"x" * 70000, id="head-without-end"),
        pytest.param(STREAM + b"ten\r\n", id="size-is-no-number"),
        pytest.param(STREAM + b"-5\r\n", id="size-is-negative"),
        pytest.param(STREAM + b"0" * 40, id="size-without-end"),
        pytest.param(STREAM + b"5\r\nhelloXX", id="chunk-longer-than-its-size"),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(data)
    with pytest.raises(BadAnswer):
        read(*(data[at : at + 7] for at in range(0, len(data), 7)))


@pytest.mark.parametrize("data", [pytest.param(CHUNKED, id="chunks"), pytest.param(COUNTED, id="length")])
def test_bytes_behind_the_end_spoil_the_connection(data: bytes) -> None:
    for pieces in ([data + b"HTTP/1.1 200 OK\r\n"], [data, b"more"]):
        answer, _ = read(*pieces)
        assert answer.ended
        assert not answer.keep_alive
