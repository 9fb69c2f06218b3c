"""Reads what a server sends after the head of its response, whatever that is: events of a stream, or an error."""

import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage
from typing import Any

import msgspec

from infra.errors import printable
from infra.http_client import Exchange
from infra.redaction import SEEN

MOST_EVENT = 8 * 1024 * 1024  # bytes without the end of a line
MOST_ERROR = 64 * 1024  # bytes of what a server says of an error
ERROR_SECONDS = 10.0
PIECE = 64 * 1024
ENDED = "the stream ended before the answer did"
MOST_READ = 64 * 1024  # characters, of which these are shown:
MOST_SHOWN = 300  # characters of what a server said


def events(exchange: Exchange, patience: float) -> Iterator[bytes]:
    """The data of each server-sent event, as soon as it is there; `TimeoutError` after `patience` seconds without one.

    Bytes that are no event, such as comments that keep a connection open, do not count.
    """
    rest, last = b"", time.perf_counter()
    while chunk := exchange.response.read1(PIECE):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
                last = time.perf_counter()
        if time.perf_counter() - last > patience:
            raise TimeoutError
        if len(rest) > MOST_EVENT:
            raise HTTPException("an event without an end")
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def error_said(exchange: Exchange) -> str:
    """The message in the body of an error, of which no more than a little is read."""
    if coding := _coding(exchange.headers):
        return f"an answer compressed with {coding}, which nobody asked for"
    until, body = time.perf_counter() + ERROR_SECONDS, b""
    while len(body) < MOST_ERROR and time.perf_counter() < until and (chunk := exchange.response.read1(PIECE)):
        body += chunk
    if exchange.response.length == 0:
        exchange.response.read()  # it notices only then that this was all, and the connection can be kept
    text = body.decode(errors="replace")
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text
    return message_in(document.get("error", document)) if isinstance(document, dict) else str(document)


def message_in(error: Any) -> str:
    """The message of an error in the form of OpenAI's or of others."""
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def no_stream(headers: HTTPMessage) -> str:
    """Why an answer without any event had none, going by its head."""
    if coding := _coding(headers):
        return f"an answer compressed with {coding}, which nobody asked for"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "text/event-stream":
        return f"not a stream of events but {kind}"
    return ENDED


def shown(text: str) -> str:
    """What a server said in one line, cut where it is long, without secrets and what controls a terminal.

    Secrets go before the cut, after which nobody would know the half of one, and before HTML gives them another form.
    """
    line = SEEN.redact(" ".join(printable(text[:MOST_READ]).split()))
    return line if len(line) <= MOST_SHOWN else line[:MOST_SHOWN] + "…"


def _coding(headers: HTTPMessage) -> str:
    coding = str(headers.get("content-encoding", "")).strip().lower()
    return "" if coding == "identity" else coding
