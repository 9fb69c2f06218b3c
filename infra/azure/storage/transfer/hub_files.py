"""Reads the files of a model on the Hub: where they really are, and parts of them.

The Hub answers a request for a large file with the signed address of another host, which needs no token; that host
never sees one.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from infra.azure.cloud import SourceFile
from infra.errors import AccessDenied, NotFound, NotReady, Refused
from infra.http_client import TRANSIENT, Answer, Unreachable, Web
from infra.timeouts import Timeouts

T = TypeVar("T")
REDIRECTS = 3
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
LONGEST_PAUSE = 60.0
AGAIN = "run the command again: what has arrived stays"
STALE = (400, 401, 403, 404, 410)  # of a signed address whose time is over


class HubFiles:
    """Files of the Hub, read with or without a token; safe to use from many threads."""

    def __init__(self, token: str, timeouts: Timeouts) -> None:
        self._token = token
        self._web = Web(connect=timeouts.connect, read=timeouts.hub)
        self._lock = threading.Lock()
        self._signed: dict[str, str] = {}

    def address(self, file: SourceFile, *, instead_of: str = "") -> str:
        """The signed address of a file, "" where the Hub serves it itself; a new one `instead_of` one that failed."""
        with self._lock:
            known = self._signed.get(file.url)
        if known is None or (instead_of and known == instead_of):
            known = _patiently(lambda: self._ask(file))
            with self._lock:
                self._signed[file.url] = known
        return known

    def read(self, file: SourceFile, start: int, size: int) -> bytes:
        """A part of a file; raises `GateliftError` where it cannot be had, or is not as long."""
        if not size:
            return b""
        return _patiently(lambda: self._part(file, start, size))

    def _part(self, file: SourceFile, start: int, size: int) -> bytes:
        wanted = {"Range": f"bytes={start}-{start + size - 1}", "Accept-Encoding": "identity"}
        signed = self.address(file)
        answer = self._get(signed, wanted, file) if signed else self._own("GET", file, wanted)
        if signed and answer.status in STALE:
            signed = self.address(file, instead_of=signed)
            answer = self._get(signed, wanted, file) if signed else self._own("GET", file, wanted)
        whole = answer.status == 200 and start == 0 and size == file.size
        if answer.status != 206 and not whole:
            raise _refusal(file, answer)
        if len(answer.content) != size:
            raise NotReady(
                f"{file.url} has {len(answer.content)} bytes where {size} were asked for", hint=AGAIN, code="hub_error"
            )
        return answer.content

    def _ask(self, file: SourceFile) -> str:
        """Ask the Hub where a file is, and whether it is the one that is wanted."""
        answer = self._own("HEAD", file, {"Accept-Encoding": "identity"})
        if answer.status >= 400:
            raise _refusal(file, answer)
        tag = (answer.headers.get("X-Linked-Etag") or answer.headers.get("ETag") or "").removeprefix("W/").strip('"')
        size = answer.headers.get("X-Linked-Size") or ("" if answer.status >= 300 else answer.headers["Content-Length"])
        known = {file.sha256, file.git_oid} - {""}
        if (size and size != str(file.size)) or (tag and known and tag not in known):
            message = f"{file.url} is another file than the Hub has listed at this commit: {size} bytes, {tag}"
            raise Refused(message, hint="run the command again", code="hub_file_differs")
        return urljoin(file.url, answer.headers["Location"]) if answer.status >= 300 else ""

    def _own(self, method: str, file: SourceFile, headers: Mapping[str, str]) -> Answer:
        """An answer of the Hub itself, with the token; a redirect to an address within the Hub is followed."""
        sent = {"User-Agent": "gatelift", **headers}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        url = file.url
        for _ in range(REDIRECTS):
            answer = self._send(method, url, sent, file)
            place = answer.headers.get("Location") or ""
            parts = urlsplit(place)
            if not 300 <= answer.status < 400 or not place or parts.scheme or parts.netloc:
                break
            url = urljoin(url, place)
        return answer

    def _get(self, url: str, headers: Mapping[str, str], file: SourceFile) -> Answer:
        return self._send("GET", url, {"User-Agent": "gatelift", **headers}, file)

    def _send(self, method: str, url: str, headers: Mapping[str, str], file: SourceFile) -> Answer:
        """An answer; `NotReady` where there is none, or one that says to try again."""
        try:
            answer = self._web.send(method, url, headers=headers)
        except Unreachable as error:
            raise NotReady(f"{file.url}: no answer: {error}", hint=AGAIN, code="hub_unreachable") from None
        if answer.status in TRANSIENT:
            time.sleep(_asked_pause(answer))
            raise NotReady(f"{file.url}: the answer is {answer.status}", hint=AGAIN, code="hub_error")
        return answer


def _patiently(call: Callable[[], T]) -> T:
    """The value of the call, which is tried again while the Hub is not ready."""
    for pause in (*PAUSES, None):
        try:
            return call()
        except NotReady:
            if pause is None:
                raise
        time.sleep(pause)
    raise AssertionError  # the last try returns or raises


def _asked_pause(answer: Answer) -> float:
    """The seconds that the answer asks to wait."""
    text = answer.headers.get("Retry-After") or ""
    return min(float(text), LONGEST_PAUSE) if text.isdecimal() else 0.0


def _refusal(file: SourceFile, answer: Answer) -> Refused:
    code = answer.headers.get("X-Error-Code") or f"http_{answer.status}"
    said = answer.headers.get("X-Error-Message") or f"the answer is {answer.status}"
    if answer.status in (401, 403):
        return AccessDenied(f"{file.url}: {said}", hint="`gatelift token verify` says what the token may do", code=code)
    if answer.status == 404:
        return NotFound(f"{file.url}: {said}", hint="the model may have been removed from the Hub", code=code)
    return Refused(f"{file.url}: {said}", hint=AGAIN, code=code)
