"""Which media a request may name: data URLs within a limit, and `https` on hosts that the operator has listed.

vLLM fetches whatever a request names. Here nothing is fetched unless its host is on the list and leads to public
addresses; redirects are turned off where vLLM is started.
"""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scoring.checks.json_walk import members
from scoring.problems import Problem
from scoring.settings.limits import Limits

# Azure's own services inside a virtual network answer at an address that is public by its number:
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
HOLDS_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


def check_media(media: Iterable[Any], document: Mapping[str, Any], hosts: frozenset[str], limits: Limits) -> list[str]:
    """Return the URLs whose addresses must be looked at, of the URLs and base64 texts among `media`.

    Raises `Problem`: 422 for a medium that must not be fetched, 413 for one that is too large.
    """
    to_ask = []
    for medium in media:
        if isinstance(medium, str):
            try:
                if _check(medium, hosts, limits):
                    to_ask.append(medium)
            except Refused as refused:
                raise _placed(refused, medium, document) from refused
    return to_ask


def check_addresses(urls: Iterable[str], document: Mapping[str, Any]) -> None:
    """Raise `Problem` (422) for a URL that leads to an address which is not public; blocks while DNS is asked."""
    for url in urls:
        try:
            _check_address(url)
        except Refused as refused:
            raise _placed(refused, url, document) from refused


class Refused(Exception):
    """Why a medium is not taken; the place it has in its request is looked up only then."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


def _placed(refused: Refused, medium: str, document: Mapping[str, Any]) -> Problem:
    path = next((path for path, value in members(document) if value == medium), ())
    details = {"loc": ["body", *path], "value": medium[:200]}
    return Problem(refused.status, str(refused), param=".".join(path) or None, details=details)


def _check(medium: str, hosts: frozenset[str], limits: Limits) -> bool:
    """Return whether the medium is to be fetched."""
    head = medium[:1024]
    scheme, colon, _ = head.partition(":")
    if not colon:
        _check_size(medium, limits)  # bare base64, as `input_audio` has it
    elif scheme.lower() == "data":
        _check_size(medium, limits)
        if not head.partition(",")[0].endswith(";base64"):
            raise Refused("A data URL must be in base64: data:image/png;base64,… .")
    elif scheme.lower() == "https":
        _check_host(medium, hosts)
        return True
    else:
        raise Refused(f"Media may come as data URLs or over https, not over {scheme[:16]}.")
    return False


def _check_size(medium: str, limits: Limits) -> None:
    if len(medium) * 3 // 4 > limits.max_media_bytes:
        raise Refused(f"A medium in a data URL may have at most {limits.max_media_bytes} bytes.", 413)


def _check_host(url: str, hosts: frozenset[str]) -> None:
    try:
        host, _ = _host_and_port(url)
        with_user = urlsplit(url).username is not None
    except ValueError as error:
        raise Refused("A media URL is not a URL.") from error
    if host not in hosts or with_user or "\\" in url:
        raise Refused(f"Media from {host[:80] or 'nowhere'} are not allowed; send them as data URLs.")


def _check_address(url: str) -> None:
    host, port = _host_and_port(url)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(f"The media host {host} is not known.") from error
    if not found or not all(is_public(str(address[0])) for *_, address in found):
        raise Refused(f"The media host {host} has an address that is not public.")


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip(".").lower(), parts.port or 443


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet, also by the IPv4 address that an IPv6 address leads to."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and any(address in network for network in HOLDS_IPV4):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and address not in PLATFORM
