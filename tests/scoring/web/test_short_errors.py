"""Errors of the engine's app as clients get them: one line, a few hundred bytes, and otherwise vLLM's own."""

import asyncio
import json
from typing import Any

import pytest

from scoring.asgi import JSON_TYPE, Message, send_bytes
from scoring.web.short_errors import ShortErrors, short_error

INT = "  {'type': 'int_type', 'loc': 'body.n', 'msg': 'Input should be a valid integer', 'input': 'None'}"
MISSING = (
    "  {'type': 'missing', 'loc': 'body.messages.0.content', 'msg': 'Field required', 'input': '<dict of 1 items>'}"
)
QUOTED = """  {'type': 'value_error', 'loc': 'body', 'msg': "Value error, it's wrong", 'ctx': {'error': 'x'}}"""


@pytest.mark.parametrize(
    ("message", "short"),
    [
        pytest.param("The model `m` does not exist.", "The model `m` does not exist.", id="short"),
        pytest.param(
            f"1 validation error:\n{INT}", "Input should be a valid integer (parameter=n, value=None)", id="one"
        ),
        pytest.param(
            f"26 validation errors:\n{MISSING}\n{INT}\n  ...and 24 more errors",
            "Field required, the first of 26 errors (parameter=messages.0.content, value=<dict of 1 items>)",
            id="many",
        ),
        pytest.param(f"1 validation error:\n{QUOTED}", "Value error, it's wrong (parameter=body)", id="quotes"),
        pytest.param("two\n  lines", "two lines", id="lines"),
    ],
)
def test_message_is_one_line(message: str, short: str) -> None:
    error = {"message": message, "type": "Bad Request", "param": "body.n", "code": 400}
    found = json.loads(short_error(json.dumps({"error": error}).encode()))
    assert found == {"error": {**error, "message": short, "param": "n"}}


def test_long_names_are_cut() -> None:
    error = {"message": f"The model `{'m' * 100_000}` does not exist.", "param": "p" * 100_000, "code": 404}
    found = short_error(json.dumps({"error": error}).encode())
    assert len(found) < 2500
    assert json.loads(found)["error"]["message"].endswith("` does not exist.")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"no JSON", id="no-json"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'{"error": "words"}', id="words"),
        pytest.param(b'{"error":{"message":"short","code":400}}', id="nothing-to-change"),
    ],
)
def test_other_bodies_are_left_alone(body: bytes) -> None:
    assert short_error(body) == body


@pytest.mark.parametrize(
    ("status", "kind", "cut"),
    [
        pytest.param(400, JSON_TYPE, True, id="error"),
        pytest.param(200, JSON_TYPE, False, id="answer"),
        pytest.param(400, (b"content-type", b"text/plain"), False, id="text"),
    ],
)
def test_errors_alone_are_held_back(status: int, kind: tuple[bytes, bytes], cut: bool) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = json.dumps({"error": {"message": "m" * 5000}}).encode()
    asyncio.run(send_bytes(ShortErrors(send), status, body, (kind,)))
    length: Any = dict(sent[0]["headers"])[b"content-length"]
    assert int(length) == len(sent[1]["body"])
    assert (len(sent[1]["body"]) < 2000) is cut
