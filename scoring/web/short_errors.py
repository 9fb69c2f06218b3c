"""Errors of the engine's app, cut short: vLLM repeats what it refuses, however long that is."""

import json
import re
from collections.abc import Awaitable

from scoring.asgi import Message, Send, send_bytes
from scoring.problems import LONGEST_VALUE, shortened

# A line of vLLM's about what its models refuse: {'type': 'int_type', 'loc': 'body.n', 'msg': 'Input …', 'input': '5'}
REFUSED = re.compile(
    r"\s*\{'type': .*?'loc': '(?:body\.?)?(?P<place>[^']*)', 'msg': (?P<quote>['\"])(?P<words>.*?)(?P=quote)"
    r"(?:, 'input': '(?P<value>[^']*))?"
)


class ShortErrors:
    """`send` for an app whose JSON errors must fit into a few hundred bytes, each in one line with its place."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    def __call__(self, message: Message) -> Awaitable[None]:
        """Pass on what is no error as it comes."""
        if self._start is None and not _is_error(message):
            return self._send(message)
        return self._gather(message)

    async def _gather(self, message: Message) -> None:
        if self._start is None:
            self._start = message
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            kept = [(k, v) for k, v in self._start["headers"] if k.lower() != b"content-length"]
            await send_bytes(self._send, self._start["status"], short_error(bytes(self._body)), kept)


def short_error(body: bytes) -> bytes:
    """Return the body of an error with its message and its parameter cut short; the same one where they are."""
    try:
        document = json.loads(body)
        error = document["error"]
        message, param = error["message"], error.get("param")
    except (ValueError, TypeError, KeyError, AttributeError):
        return body
    changed = {}
    if isinstance(message, str):
        changed["message"] = shortened(one_line(message))
    if isinstance(param, str):
        changed["param"] = shortened(param.removeprefix("body."), LONGEST_VALUE)
    if changed.items() <= error.items():
        return body
    return json.dumps({**document, "error": {**error, **changed}}).encode()


def one_line(message: str) -> str:
    """Say in one line, in the words of vLLM's other errors, what its models refuse first."""
    lines = message.split("\n")
    found = REFUSED.match(lines[1]) if len(lines) > 1 else None
    if found is None:
        return " ".join(line.strip() for line in lines)
    more = f", the first of {lines[0].partition(' ')[0]} errors" if len(lines) > 2 else ""
    value = f", value={found['value'][:80]}" if found["value"] is not None else ""
    return f"{found['words']}{more} (parameter={found['place'] or 'body'}{value})"


def _is_error(message: Message) -> bool:
    return (
        message["type"] == "http.response.start"
        and message["status"] >= 400
        and any(k.lower() == b"content-type" and v.startswith(b"application/json") for k, v in message["headers"])
    )
