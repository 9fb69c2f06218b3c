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

from scoring.limits import Limits, media_items
from scoring.problems import Problem

# Azure's own services inside a virtual network answer at an address that is public by its number:
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
HOLDS_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


async def check_media(document: Mapping[str, Any], hosts: frozenset[str], limits: Limits) -> None:
    """Refuse a request with a medium that must not be fetched, or that is too large."""
    for medium in media_items(document):
        if not isinstance(medium, str):
            continue
        scheme = medium[:16].partition(":")[0].lower()
        if scheme == "data" or "://" not in medium[:16]:
            _check_size(medium, limits)
        elif scheme != "https":
            raise Problem(422, f"Media may come as data URLs or over https, not over {scheme[:16]}.", param="url")
        else:
            await _check_host(medium, hosts)


def _check_size(medium: str, limits: Limits) -> None:
    if len(medium) * 3 // 4 > limits.max_media_bytes:
        raise Problem(413, f"A medium in a data URL may have at most {limits.max_media_bytes} bytes.")


async def _check_host(url: str, hosts: frozenset[str]) -> None:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port or 443
    except ValueError as error:
        raise Problem(422, "A media URL is not a URL.", param="url") from error
    if host not in hosts or parts.username is not None or "\\" in url:
        raise Problem(422, f"Media from {host[:80] or 'nowhere'} are not allowed; send them as data URLs.", param="url")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Problem(422, f"The media host {host} is not known.", param="url") from error
    if not found or not all(is_public(str(address[0])) for *_, address in found):
        raise Problem(422, f"The media host {host} has an address that is not public.", param="url")


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
