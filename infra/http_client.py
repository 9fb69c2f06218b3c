"""A small HTTP client on `http.client`: importing urllib3 instead would add a tenth or more to every `plan`."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct

from infra.proxies import login_header, proxy_for

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
IDLE_CONNECTIONS = 16
TRANSIENT = (408, 429, 500, 502, 503, 504)
PAUSES = (0.0, 0.8)
NOT_QUOTED = "/:@!$&'()*+,;=~%?"
Origin = tuple[str, str, int]


class Failing(StrEnum):
    """What kept an answer from coming, where that is known."""

    CERTIFICATE = "certificate"
    NAME = "name"
    PROXY = "proxy"
    TIME = "time"
    CUT = "cut"
    OTHER = "other"


class Unreachable(Exception):
    """No answer came; the request may have arrived all the same."""

    def __init__(self, message: str, *, final: bool = False, why: Failing = Failing.OTHER) -> None:
        super().__init__(message)
        self.url = ""
        """What was asked for."""
        self.final = final
        """Whether trying again is pointless."""
        self.why = why


class Answer(Struct, frozen=True):
    """A response with its whole body; the names of its headers are case-insensitive."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes = b""

    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as a JSON document; an empty object if there is no body."""
        return json.loads(self.content) if self.content.strip() else {}


class Exchange(Struct, frozen=True):
    """A request that was sent and a response whose head has come; its body is still to be read."""

    origin: Origin
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse
    reused: bool
    """Whether the connection had served an earlier request."""

    @property
    def status(self) -> int:
        """The status of the response."""
        return self.response.status

    @property
    def headers(self) -> http.client.HTTPMessage:
        """The headers of the response; their names are case-insensitive."""
        return self.response.headers

    def close(self) -> None:
        """Close the connection, whatever is left to read."""
        self.connection.close()


class Web:
    """Keeps connections open between requests and may be shared by threads; does not follow redirects."""

    def __init__(
        self,
        *,
        ca_bundle: str | None = None,
        connect: float = 10.0,
        read: float = 60.0,
        most_idle: int = IDLE_CONNECTIONS,
    ) -> None:
        self._ca_bundle = ca_bundle
        self._connect = connect
        self.read_seconds = read
        """How long a server may say nothing."""
        self._most_idle = most_idle
        self._idle: defaultdict[Origin, list[http.client.HTTPConnection]] = defaultdict(list)
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def __del__(self) -> None:
        for connection in [one for idle in self._idle.values() for one in idle]:
            connection.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        at_most: int | None = None,
    ) -> Answer:
        """Send one request and return the response, whatever its status; `Unreachable` if there is none.

        A GET is sent again, on a new connection, if the open one that it used turns out to be dead. Of the response's
        body `at_most` so many bytes are read.
        """
        exchange = self.open(method, url, headers=headers, body=body)
        try:
            answer = Answer(exchange.status, exchange.headers, exchange.response.read(at_most))
        except (OSError, http.client.HTTPException) as error:
            exchange.close()
            if exchange.reused and method == "GET" and isinstance(error, ConnectionError):
                self._forget(exchange.origin)
                return self.send(method, url, headers=headers, body=body, at_most=at_most)
            raise _unreachable(exchange.origin, error) from None
        self.keep(exchange)
        return answer

    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        repeat: bool | None = None,
    ) -> Exchange:
        """Send one request and return as soon as the head of the response is there; the caller reads the body.

        The caller ends with `keep` or `Exchange.close`. `repeat` says whether to send again, on a new connection, where
        an open one turns out to be dead: a GET, if nothing is said. Raises `Unreachable`.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        origin = (parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80))
        proxy = proxy_for(parts.scheme, host)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=NOT_QUOTED)
        fields = dict(headers or {})
        if proxy and parts.scheme == "http":  # https goes through a tunnel instead
            target, fields = f"http://{parts.netloc}{target}", fields | login_header(proxy)
        reused = self._idle_connection(origin)
        connection = reused or self._new_connection(origin, proxy)
        try:
            if reused is None:
                connection.connect()
                connection.sock.settimeout(self.read_seconds)
            connection.request(method, target, body, fields)
            return Exchange(origin, connection, connection.getresponse(), reused is not None)
        except (OSError, http.client.HTTPException) as error:
            to_proxy = proxy if proxy and connection.sock is None else None
            connection.close()
            again = method == "GET" if repeat is None else repeat
            if reused and again and isinstance(error, ConnectionError):
                self._forget(origin)  # what dropped this one has probably dropped the others, too
                return self.open(method, url, headers=headers, body=body, repeat=repeat)
            raise _unreachable(origin, error, to_proxy) from None

    def keep(self, exchange: Exchange) -> None:
        """Keep the connection of an exchange for the next request, or close it where it cannot serve another."""
        response, idle = exchange.response, self._idle[exchange.origin]
        if response.will_close or not response.isclosed() or len(idle) >= self._most_idle:
            exchange.close()
        else:
            idle.append(exchange.connection)

    def read(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET; up to twice more while nobody answers or the error is a transient one."""
        for pause in PAUSES:
            try:
                answer = self.send("GET", url, headers=headers)
            except Unreachable as error:
                if error.final:
                    raise
            else:
                if answer.status not in TRANSIENT:
                    return answer
            time.sleep(pause)
        return self.send("GET", url, headers=headers)

    def _idle_connection(self, origin: Origin) -> http.client.HTTPConnection | None:
        """An open connection that nobody uses now. One with something to read was closed by the other side."""
        idle = self._idle[origin]
        while True:
            try:
                connection = idle.pop()
            except IndexError:  # also if another thread was faster
                return None
            if not _has_something_to_read(connection.sock):
                return connection
            connection.close()

    def _forget(self, origin: Origin) -> None:
        """Close the open connections to this origin."""
        idle = self._idle[origin]
        while idle:
            with suppress(IndexError):  # if another thread was faster
                idle.pop().close()

    def _new_connection(self, origin: Origin, proxy: SplitResult | None) -> http.client.HTTPConnection:
        """A connection that has yet to be made."""
        scheme, host, port = origin
        first = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        if scheme == "http":
            return http.client.HTTPConnection(*first, timeout=self._connect)
        connection = http.client.HTTPSConnection(*first, timeout=self._connect, context=self._tls)
        if proxy:
            connection.set_tunnel(host, port, login_header(proxy))
        return connection

    @property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context, made once: reading the root certificates takes long."""
        with self._lock:
            self._context = self._context or self._new_context()
            return self._context

    def _new_context(self) -> ssl.SSLContext:
        chosen = self._ca_bundle or next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), None)
        if chosen is None:
            import certifi  # slow to find its file

            chosen = certifi.where()
        if os.path.isdir(chosen):
            return ssl.create_default_context(capath=chosen)
        return ssl.create_default_context(cafile=chosen)


def _has_something_to_read(sock: socket.socket | None) -> bool:
    """Whether a read would return at once."""
    if sock is None:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()  # unlike select, it takes descriptors above 1023
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _unreachable(origin: Origin, error: Exception, to_proxy: SplitResult | None = None) -> Unreachable:
    """The error for an answer that did not come; `to_proxy` is the proxy that could not even be reached."""
    host = origin[1]
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(f"{host}: {error.verify_message}", final=True, why=Failing.CERTIFICATE)
    why = _why(error, to_proxy=bool(to_proxy))
    through = f"the proxy {to_proxy.hostname}: " if to_proxy else ""
    return Unreachable(f"{host}: {through}{str(error) or type(error).__name__}", why=why)


def _why(error: Exception, *, to_proxy: bool) -> Failing:
    """What the error means; `to_proxy` says that the connection to a proxy was not even made."""
    if to_proxy:
        return Failing.PROXY
    if isinstance(error, ssl.SSLError):
        return Failing.CERTIFICATE
    if isinstance(error, socket.gaierror):
        return Failing.NAME
    if isinstance(error, TimeoutError):
        return Failing.TIME
    if isinstance(error, http.client.IncompleteRead | ConnectionResetError | BrokenPipeError):
        return Failing.CUT
    return Failing.OTHER
