"""Errors of the engine's app, cut short: vLLM repeats what it refuses, however long that is."""

import json
import re
from typing import Any

from scoring.asgi import ASGIApp, Headers, Message, Receive, Scope, Send, send_bytes
from scoring.problems import shortened

# A line of vLLM's for what its models refuse: {'type': 'int_type', 'loc': 'body.n', 'msg': 'Input should be …', …}
REFUSED = re.compile(
    r"^\s*\{'type': .*?'loc': '(?:body\.?)?(?P<place>[^']*)', 'msg': (?P<quote>['\"])(?P<words>.*?)(?P=quote)[,}]"
)


class ShortErrors:
    """An app whose JSON errors fit into a few hundred bytes, with one line for what vLLM's models refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no error as it comes."""
        await self._app(scope, receive, _ErrorHeldBack(send))


class _ErrorHeldBack:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400 and _is_json(message["headers"]):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
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
    changed = {"message": shortened(one_line(message)) if isinstance(message, str) else message}
    if isinstance(param, str):
        changed["param"] = shortened(param.removeprefix("body."))
    if changed.items() <= error.items():
        return body
    return json.dumps({**document, "error": {**error, **changed}}).encode()


def one_line(message: str) -> str:
    """Say in one line what vLLM's models refuse first, with its place."""
    lines = message.split("\n")
    found = REFUSED.match(lines[1]) if len(lines) > 1 else None
    if found is None:
        return " ".join(line.strip() for line in lines)
    more = f" (the first of {lines[0].partition(' ')[0]})" if len(lines) > 2 else ""
    return f"{found['place'] or 'The body'}: {found['words']}{more}."


def _is_json(headers: Any) -> bool:
    pairs: Headers = headers
    return any(k.lower() == b"content-type" and v.startswith(b"application/json") for k, v in pairs)
