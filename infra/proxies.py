"""Which proxies of the environment gatelift can go through: HTTP proxies, which all its HTTP clients know."""

import os
import sys
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from infra.addresses import is_loopback
from infra.errors import NotReady

VARIABLES = ("https_proxy", "http_proxy", "all_proxy")  # in either case


def refuse_unusable_proxies(environ: Mapping[str, str]) -> None:
    """Raise `NotReady` for a proxy that is no HTTP proxy, before a client fails on it half-way through a command.

    The value is not shown, since it may hold a password.
    """
    if "*" in (environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return
    for name, value in environ.items():
        if name.lower() in VARIABLES and value:
            _refuse_unusable(name, value)


def parse_proxy(value: str) -> SplitResult:
    """A proxy's parts, HTTP being meant where it has no scheme; `ValueError` for what is no address."""
    parts = urlsplit(value if "://" in value else f"http://{value}")
    if not parts.hostname or parts.port == 0 or set(parts.netloc) & set(" <>\\"):
        raise ValueError("it names no host")
    return parts


def proxy_for(scheme: str, host: str) -> SplitResult | None:
    """The proxy to use for this host; none for loopback."""
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if is_loopback(host) or not (named or sys.platform in ("darwin", "win32")):
        return None
    import urllib.request  # 20 ms that most people do not need

    proxies = urllib.request.getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or urllib.request.proxy_bypass(host):
        return None
    return parse_proxy(found)


def login_header(proxy: SplitResult) -> dict[str, str]:
    """The header with the proxy's user and password, where its address has them."""
    if not proxy.username:
        return {}
    import base64

    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _refuse_unusable(name: str, value: str) -> None:
    correct = f"set {name} to the address of an HTTP proxy, as http://HOST:PORT, or `unset {name}`"
    try:
        scheme = parse_proxy(value).scheme
    except ValueError:  # also of a port that is none
        raise NotReady(f"{name} is not the address of a proxy", hint=correct, code="proxy") from None
    if scheme not in ("http", "https"):
        kind = "a SOCKS proxy" if scheme.startswith("socks") else f"a proxy for {scheme}"
        raise NotReady(f"{name} names {kind}, which gatelift cannot use", hint=correct, code="proxy")
