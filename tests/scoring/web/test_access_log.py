"""The line of one request, over an app that answers at once."""

import asyncio
import json
import logging
from typing import Any

import pytest

from scoring.asgi import Message, Receive, Scope, Send, local_scope, never, send_bytes
from scoring.responses.events.machine import new_response
from scoring.web.access_log import AccessLog
from scoring.web.counts import RequestCounts


def line_of(answer: bytes, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_bytes(send, 200, answer)

    async def send(message: Message) -> None:
        """Go nowhere."""

    logger = logging.getLogger("scoring.access")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.INFO)
    try:
        asyncio.run(AccessLog(app, RequestCounts())(local_scope("POST", "/chat/completions"), never, send))
    finally:
        logger.removeHandler(caplog.handler)
    line: dict[str, Any] = json.loads(caplog.messages[-1])
    return line


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b'{"usage":{"prompt_tokens":3,"completion_tokens":2}}', id="vllm"),
        pytest.param(json.dumps({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}).encode(), id="ours"),
        pytest.param(b'{"usage":{"input_tokens":3,"output_tokens":2}}', id="responses"),
    ],
)
def test_tokens(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    line = line_of(answer, caplog)
    assert (line["prompt_tokens"], line["completion_tokens"]) == (3, 2)


def test_tokens_of_a_response_whose_request_is_long(caplog: pytest.LogCaptureFixture) -> None:
    said = {"tools": [{"name": "f", "parameters": {"default": {"output_tokens": 9}, "description": "x" * 5000}}]}
    response = new_response("resp_1", 0, said)
    response["usage"] = {"input_tokens": 3, "output_tokens": 2}
    line = line_of(json.dumps({"type": "response.completed", "response": response}).encode(), caplog)
    assert (line["prompt_tokens"], line["completion_tokens"]) == (3, 2)
