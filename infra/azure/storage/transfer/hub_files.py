"""Reads the files of a model on the Hub: where they really are, and parts of them.

The Hub answers a request for a large file with the signed address of another host, which needs no token; that host
never sees one.
"""

import threading
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

from infra.azure.cloud import SourceFile
from infra.errors import GateliftError, NotReady, Refused
from infra.http_client import Answer, Unreachable, Web
from infra.hub.asking import origin
from infra.hub.patience import MOST_TRIES, Patience
from infra.hub.refusals import Question, refusal, storage_fails, unreachable
from infra.timeouts import Timeouts

REDIRECTS = 3
STAYS = "what has arrived stays"
STALE = (400, 401, 403, 404, 410)  # of a signed address whose time is over


class HubFiles:
    """Files of the Hub, read with or without a token; safe to use from many threads.

    A Hub that is down or throttles is waited for as `GATELIFT_HUB_TIMEOUT` says, anew whenever something has arrived.
    """

    def __init__(
        self, token: str, timeouts: Timeouts, *, local: bool = False, tell: Callable[[str], None] | None = None
    ) -> None:
        """`local` says that the Hub is the emulated one; `tell` shows a line to the person who waits."""
        self._token, self._local = token, local
        self._web = Web(connect=timeouts.connect, read=timeouts.hub)
        self._patience = Patience(timeouts.hub_pauses)
        self._patience.tell = tell or self._patience.tell
        self._lock = threading.Lock()
        self._signed: dict[str, str] = {}

    def address(self, file: SourceFile, *, instead_of: str = "") -> str:
        """The signed address of a file, "" where the Hub serves it itself; a new one `instead_of` one that failed."""
        with self._lock:
            known = self._signed.get(file.url)
        if known is None or (instead_of and known == instead_of):
            known = self._ask(file)
            with self._lock:
                self._signed[file.url] = known
        return known

    def read(self, file: SourceFile, start: int, size: int) -> bytes:
        """A part of a file; raises `GateliftError` where it cannot be had, or is not as long."""
        if not size:
            return b""
        signed = self.address(file)
        answer = self._part(file, signed, start, size)
        if signed and answer.status in STALE:
            signed = self.address(file, instead_of=signed)
            answer = self._part(file, signed, start, size)
        whole = answer.status == 200 and start == 0 and size == file.size
        if answer.status != 206 and not whole:
            raise self._refusal(file, signed, answer)
        if len(answer.content) != size:
            message = f"{file.url} has {len(answer.content)} bytes where {size} were asked for"
            raise NotReady(message, hint=f"run the command again: {STAYS}", code="hub_error")
        self._patience.renew()
        return answer.content

    def _part(self, file: SourceFile, signed: str, start: int, size: int) -> Answer:
        """The answer to the request for a part, from the signed address or else from the Hub itself."""
        wanted = {"Range": f"bytes={start}-{start + size - 1}", "Accept-Encoding": "identity"}
        if signed:
            return self._patiently(file, lambda: self._send("GET", signed, wanted))
        return self._patiently(file, lambda: self._own("GET", file, wanted))

    def _ask(self, file: SourceFile) -> str:
        """Ask the Hub where a file is, and whether it is the one that is wanted."""
        answer = self._patiently(file, lambda: self._own("HEAD", file, {"Accept-Encoding": "identity"}))
        if answer.status >= 400:
            raise self._refusal(file, "", answer)
        tag = (answer.headers.get("X-Linked-Etag") or answer.headers.get("ETag") or "").removeprefix("W/").strip('"')
        size = answer.headers.get("X-Linked-Size") or ("" if answer.status >= 300 else answer.headers["Content-Length"])
        known = {file.sha256, file.git_oid} - {""}
        if (size and size != str(file.size)) or (tag and known and tag not in known):
            message = f"{file.url} is another file than the Hub has listed at this commit: {size} bytes, {tag}"
            raise Refused(message, hint="run the command again", code="hub_file_differs")
        return urljoin(file.url, answer.headers["Location"]) if answer.status >= 300 else ""

    def _own(self, method: str, file: SourceFile, headers: Mapping[str, str]) -> Answer:
        """An answer of the Hub itself, with the token; a redirect to an address within the Hub is followed."""
        sent = {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers
        url = file.url
        for _ in range(REDIRECTS):
            answer = self._send(method, url, sent)
            place = answer.headers.get("Location") or ""
            parts = urlsplit(place)
            if not 300 <= answer.status < 400 or not place or parts.scheme or parts.netloc:
                break
            url = urljoin(url, place)
        return answer

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        try:
            return self._web.send(method, url, headers={"User-Agent": "gatelift", **headers})
        except Unreachable as error:
            error.url = url
            raise

    def _patiently(self, file: SourceFile, ask: Callable[[], Answer]) -> Answer:
        """The answer, whatever its status; raises `NotReady` where none comes."""
        try:
            return self._patience.answer(ask, connections=MOST_TRIES)
        except Unreachable as error:
            raise _continued(unreachable(self._question(file), error)) from None

    def _refusal(self, file: SourceFile, signed: str, answer: Answer) -> GateliftError:
        """The error for an answer of the Hub, or of the host to which it sends on."""
        question = self._question(file)
        if signed and origin(signed) != origin(file.url):
            return _continued(storage_fails(question, signed, f"it answers {answer.status}"))
        return _continued(refusal(question, answer))

    def _question(self, file: SourceFile) -> Question:
        """What is asked, as the rest of gatelift tells of it: `ENDPOINT/MODEL/resolve/COMMIT/FILE`."""
        before, _, after = file.url.partition("/resolve/")
        parts = before.split("/")
        begin = max(3, len(parts) - 2)  # after the scheme and the host; old models have no organization
        model = "/".join(parts[begin:])
        return Question("/".join(parts[:begin]), self._local, model, after.partition("/")[0], bool(self._token))


def _continued(error: GateliftError) -> GateliftError:
    """The error; where trying again helps, its hint says that this goes on from here."""
    if isinstance(error, NotReady):
        error.hint = f"{error.hint}; {STAYS}"
    return error
