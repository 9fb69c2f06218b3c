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

MODEL = re.compile(r"(?<=\.)[A-Z]\w*MessageParam\.")
OTHER_ROLE = re.compile(r"MessageParam\.role$")


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
        changed["param"] = shortened(place_of(param), LONGEST_VALUE)
    if changed.items() <= error.items():
        return body
    return json.dumps({**document, "error": {**error, **changed}}).encode()


def one_line(message: str) -> str:
    """Say in one line, in the words of vLLM's other errors, what its models refuse first."""
    lines = message.split("\n")
    refused = [found for line in lines[1:] if (found := REFUSED.match(line)) is not None]
    # A message is tried as one of each role, and refused as most of them for its role alone.
    found = next((one for one in refused if not OTHER_ROLE.search(one["place"])), refused[0] if refused else None)
    if found is None:
        return " ".join(line.strip() for line in lines)
    more = f", the first of {lines[0].partition(' ')[0]} errors" if len(lines) > 2 else ""
    value = f", value={found['value'][:80]}" if found["value"] is not None else ""
    return f"{found['words']}{more} (parameter={place_of(found['place']) or 'body'}{value})"


def place_of(parameter: str) -> str:
    """Return where something is in the body, without the names of vLLM's models."""
    return MODEL.sub("", parameter.removeprefix("body."))


def _is_error(message: Message) -> bool:
    return (
        message["type"] == "http.response.start"
        and message["status"] >= 400
        and any(k.lower() == b"content-type" and v.startswith(b"application/json") for k, v in message["headers"])
    )
