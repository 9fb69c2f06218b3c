"""What an address of the web says: whether it is this machine's own, and what it asks for."""

import re
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "::1")
LOOPBACK_NETWORK = re.compile(r"127(\.\d{1,3}){3}")


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own: no proxy can reach it."""
    return host in LOOPBACK or host.endswith(".localhost") or LOOPBACK_NETWORK.fullmatch(host) is not None


def target_at(endpoint: str, link: str) -> str:
    """Path and query of a link below an endpoint, which may have another name there: mirrors of the Hub pass its on."""
    found, base = urlsplit(link), urlsplit(endpoint).path.rstrip("/")
    path = found.path.removeprefix(base) if found.path.startswith(f"{base}/") else found.path
    return path + (f"?{found.query}" if found.query else "")
