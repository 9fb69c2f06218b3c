"""Requests to the upstream Hub. A token goes to the Hub's own scheme, host and port, and nowhere else."""

import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.upstream.choice import LOOPBACK, Choice

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
DOWN_SECONDS = 5.0
SLOW_SECONDS = 1.0
REDIRECTS = 5
REDIRECT_STATUS = (301, 302, 303, 307, 308)
CONNECTIONS = 64


class Unreachable(Exception):
    """The upstream Hub gave no answer, or one that is no Hub's."""


class Answer(Struct, frozen=True):
    """A whole answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes = b""


class Ask(Struct, frozen=True):
    """A request: the target is path and query at the Hub."""

    method: str
    target: str
    token: str = ""
    headers: dict[str, str] = {}
    content: bytes = b""


class HubClient:
    """Connections to one upstream Hub."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self._client: httpx.AsyncClient | None = None
        self._down_until, self._reason = 0.0, ""

    async def ask(self, ask: Ask) -> Answer:
        """The Hub's answer; redirects are followed within the Hub, but not to where a large file is stored."""
        response = await self._send(ask, stream=False)
        return Answer(response.status_code, dict(response.headers.items()), response.content)

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator["httpx.Response"]:
        """An answer whose body is read piece by piece; redirects are followed wherever they lead."""
        response = await self._send(ask, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.aclose()

    async def _send(self, ask: Ask, *, stream: bool) -> "httpx.Response":
        import httpx  # slow, and only where there is an upstream

        if time.monotonic() < self._down_until:
            raise Unreachable(self._reason)
        began = time.monotonic()
        try:
            return await self._follow(ask, stream=stream)
        except (ImportError, ValueError):
            raise Unreachable("its proxy cannot be used") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._reason = _reason(error)
            if time.monotonic() - began > SLOW_SECONDS:  # the next request need not wait as long
                self._down_until = time.monotonic() + DOWN_SECONDS
            raise Unreachable(self._reason) from None

    async def _follow(self, ask: Ask, *, stream: bool) -> "httpx.Response":
        url, client = self.choice.endpoint + ask.target, self._opened()
        for _ in range(REDIRECTS):
            headers = {"User-Agent": "gatelift-emulator", "Accept-Encoding": "identity", **ask.headers}
            if ask.token and self._is_hub(url):
                headers["Authorization"] = f"Bearer {ask.token}"
            request = client.build_request(ask.method, url, headers=headers, content=ask.content or None)
            response = await client.send(request, stream=stream)
            place = response.headers.get("location", "")
            if response.status_code not in REDIRECT_STATUS or not place:
                return response
            target = urljoin(url, place)
            if not stream and "x-linked-etag" in response.headers and urlsplit(place).netloc:
                return response  # where a large file is stored
            await response.aclose()
            if not stream and not self._is_hub(target):
                host = urlsplit(target).netloc
                raise HubError(
                    502, "", f"{self.choice.endpoint} redirects to {host}: set HF_ENDPOINT to the Hub itself"
                )
            url = target
        raise HubError(502, "", f"{self.choice.endpoint} redirects without end")

    def _is_hub(self, url: str) -> bool:
        return _origin(url) == _origin(self.choice.endpoint)

    def _opened(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx

            verify = _trusted(self.choice.ca_bundle)
            timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=CONNECTIONS)
            here = urlsplit(self.choice.endpoint).hostname in LOOPBACK  # then a proxy that is of no use does no harm
            mounts = {
                pattern: httpx.AsyncHTTPTransport(proxy=proxy, verify=verify) if proxy else None
                for pattern, proxy in proxy_patterns({} if here else self.choice.proxies).items()
            }
            self._client = httpx.AsyncClient(
                timeout=timeout, limits=limits, mounts=mounts, verify=verify, trust_env=False
            )
        return self._client


def proxy_patterns(proxies: Mapping[str, str]) -> dict[str, str]:
    """What httpx sends through which proxy, empty for none: loopback never, nor the hosts that `no` lists."""
    patterns = {
        f"{scheme}://": proxies[scheme] if "://" in proxies[scheme] else f"http://{proxies[scheme]}"
        for scheme in ("all", "http", "https")
        if proxies.get(scheme)
    }
    hosts = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    if "*" in hosts:
        return {}
    direct = [f"all://{host}" for host in ("127.0.0.1", "localhost", "[::1]")]
    direct += [f"all://*{host}" for host in hosts if host not in (*LOOPBACK, "[::1]")]
    return patterns | dict.fromkeys(direct, "") if patterns else {}


def _trusted(ca_bundle: str) -> ssl.SSLContext:
    """The public root certificates, and those of a file or a folder."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    if ca_bundle:
        context.load_verify_locations(**{"capath" if Path(ca_bundle).is_dir() else "cafile": ca_bundle})
    return context


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _reason(error: Exception) -> str:
    """Why there is no answer, in a few words."""
    name = type(error).__name__
    if name == "ConnectTimeout":
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if "Timeout" in name:
        return f"no answer within {READ_SECONDS:.0f} s"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or name
