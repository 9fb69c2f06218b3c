"""HTTP with what Python brings: `plan` and `status` are over before a bigger client would have been imported."""

from __future__ import annotations

import http.client
import json
import os
import select
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
IDLE_CONNECTIONS = 16
PASSING = (408, 429, 500, 502, 503, 504)
PAUSES = (0.0, 0.8)
AS_IT_IS = "/:@!$&'()*+,;=~%?"
Origin = tuple[str, str, int]


class Unreachable(Exception):
    """No answer came; `sent` tells whether the request may have arrived all the same."""

    def __init__(self, message: str, *, sent: bool, final: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.final = final
        """Whether to ask again would change nothing."""


class Answer(Struct, frozen=True):
    """What came back; names of headers have no case."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes = b""

    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body's document, an empty one where there is no body."""
        return json.loads(self.content) if self.content.strip() else {}


class Web:
    """Connections that stay open, for many threads; redirects are the caller's business."""

    def __init__(self, *, ca_bundle: str | None = None, connect: float = 10.0, read: float = 60.0) -> None:
        self._ca_bundle = ca_bundle
        self._connect, self._read = connect, read
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._tls: ssl.SSLContext | None = None

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The answer, whatever its status; `Unreachable` where there is none."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if secure else 80))
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=AS_IT_IS)
        connection, fresh = self._open(origin)
        said = dict(headers or {})
        if not secure and (proxy := _proxy(*origin[:2])):  # a tunnel, if there is one, was made on connecting
            path, said = f"{parts.scheme}://{parts.netloc}{path}", said | _login(proxy)
        sent = False
        try:
            connection.request(method, path, body, said)
            sent = True
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not fresh and method == "GET" and isinstance(error, ConnectionError):  # it had been closed meanwhile
                return self.send(method, url, headers=headers, body=body)
            raise Unreachable(str(error) or type(error).__name__, sent=sent) from None
        if response.will_close:
            connection.close()
        else:
            self._keep(origin, connection)
        return answer

    def close(self) -> None:
        """End the connections that nobody uses."""
        with self._lock:
            for connection in [one for idle in self._idle.values() for one in idle]:
                connection.close()
            self._idle.clear()

    def __del__(self) -> None:
        self.close()

    def read(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET; asked again, with a pause, where none came or one that passes by itself."""
        for pause in PAUSES:
            try:
                answer = self.send("GET", url, headers=headers)
            except Unreachable as error:
                if error.final:
                    raise
            else:
                if answer.status not in PASSING:
                    return answer
            time.sleep(pause)
        return self.send("GET", url, headers=headers)

    def _open(self, origin: Origin) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it has never been used."""
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return self._connected(origin), True
            if _is_usable(connection):
                return connection, False
            connection.close()

    def _keep(self, origin: Origin, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if len(idle) < IDLE_CONNECTIONS:
                idle.append(connection)
                return
        connection.close()

    def _connected(self, origin: Origin) -> http.client.HTTPConnection:
        scheme, host, port = origin
        connection = self._unconnected(scheme, host, port)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{host}: {error.verify_message}", sent=False, final=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{host}: {error}", sent=False) from None
        connection.sock.settimeout(self._read)
        return connection

    def _unconnected(self, scheme: str, host: str, port: int) -> http.client.HTTPConnection:
        if scheme == "https" and self._tls is None:
            with self._lock:
                self._tls = self._tls or _tls(self._ca_bundle)
        proxy = _proxy(scheme, host)
        near, near_port = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        if scheme == "http":
            return http.client.HTTPConnection(near, near_port, timeout=self._connect)
        connection = http.client.HTTPSConnection(near, near_port, timeout=self._connect, context=self._tls)
        if proxy:
            connection.set_tunnel(host, port, _login(proxy))
        return connection


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    chosen = ca_bundle or next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), None)
    if chosen is None:
        import certifi  # it is slow to find its file

        chosen = certifi.where()
    if os.path.isdir(chosen):
        return ssl.create_default_context(capath=chosen)
    return ssl.create_default_context(cafile=chosen)


def _is_usable(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has left it open: nothing is to be read where nothing was asked."""
    return connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]


def _proxy(scheme: str, host: str) -> Any:
    """The proxy's address, taken apart; loopback is always reached directly."""
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if host in LOOPBACK or not (named or sys.platform in ("darwin", "win32")):
        return None
    import urllib.request  # 20 ms, and few need it

    found = urllib.request.getproxies().get(scheme)
    if not found or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _login(proxy: Any) -> dict[str, str]:
    if not proxy.username:
        return {}
    import base64

    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
