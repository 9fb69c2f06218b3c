"""Which media a request may name: data URLs within a limit, and `https` on hosts that the operator has listed.

vLLM fetches whatever a request names. Here nothing is fetched unless its host is on the list and leads to public
addresses; redirects are turned off where vLLM is started.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from scoring.checks.ceilings import media_items
from scoring.checks.json_walk import members
from scoring.problems import Problem
from scoring.settings.limits import Limits

# Azure's own services inside a virtual network answer at an address that is public by its number:
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
HOLDS_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


async def check_media(document: Mapping[str, Any], hosts: frozenset[str], limits: Limits) -> None:
    """Refuse a request with a medium that must not be fetched, or that is too large."""
    for medium in media_items(document):
        if not isinstance(medium, str):
            continue
        try:
            await _check(medium, hosts, limits)
        except Refused as refused:
            raise _placed(refused, medium, document) from refused


class Refused(Exception):
    """Why a medium is not taken; the place it has in its request is looked up only then."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


def _placed(refused: Refused, medium: str, document: Mapping[str, Any]) -> Problem:
    path = next((path for path, value in members(document) if value == medium), ())
    details = {"loc": ["body", *path], "value": medium[:200]}
    return Problem(refused.status, str(refused), param=".".join(path) or None, details=details)


async def _check(medium: str, hosts: frozenset[str], limits: Limits) -> None:
    head = medium[:1024]
    scheme, colon, _ = head.partition(":")
    if not colon:
        _check_size(medium, limits)  # bare base64, as `input_audio` has it
    elif scheme.lower() == "data":
        _check_size(medium, limits)
        if not head.partition(",")[0].endswith(";base64"):
            raise Refused("A data URL must be in base64: data:image/png;base64,… .")
    elif scheme.lower() == "https":
        await _check_host(medium, hosts)
    else:
        raise Refused(f"Media may come as data URLs or over https, not over {scheme[:16]}.")


def _check_size(medium: str, limits: Limits) -> None:
    if len(medium) * 3 // 4 > limits.max_media_bytes:
        raise Refused(f"A medium in a data URL may have at most {limits.max_media_bytes} bytes.", 413)


async def _check_host(url: str, hosts: frozenset[str]) -> None:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port or 443
    except ValueError as error:
        raise Refused("A media URL is not a URL.") from error
    if host not in hosts or parts.username is not None or "\\" in url:
        raise Refused(f"Media from {host[:80] or 'nowhere'} are not allowed; send them as data URLs.")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(f"The media host {host} is not known.") from error
    if not found or not all(is_public(str(address[0])) for *_, address in found):
        raise Refused(f"The media host {host} has an address that is not public.")


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
