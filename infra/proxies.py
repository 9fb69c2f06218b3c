"""Which proxies of the environment gatelift can go through: HTTP proxies, which all its HTTP clients know."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

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


def _refuse_unusable(name: str, value: str) -> None:
    correct = f"set {name} to the address of an HTTP proxy, as http://HOST:PORT, or `unset {name}`"
    try:
        scheme = parse_proxy(value).scheme
    except ValueError:  # also of a port that is none
        raise NotReady(f"{name} is not the address of a proxy", hint=correct, code="proxy") from None
    if scheme not in ("http", "https"):
        kind = "a SOCKS proxy" if scheme.startswith("socks") else f"a proxy for {scheme}"
        raise NotReady(f"{name} names {kind}, which gatelift cannot use", hint=correct, code="proxy")
