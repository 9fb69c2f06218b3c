"""Which Hub lies upstream and where its files are kept: told over the portal or by the seed, kept in the store."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from infra.addresses import is_loopback
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls
from infra.paths import cache_dir

PUBLIC_HUB = "https://huggingface.co"
RECORD = "hub-upstream"
TOLD, SEEDED = "told", "seeded"
PROXIES = "/hub-upstream"  # where the proxies are among the secrets: their addresses may hold passwords
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """The upstream Hub; `endpoint` is empty where nobody chose one.

    `cache` is where files are kept; `machine_cache`, huggingface_hub's own cache, is only read. `proxies` has the
    values of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; `ca_bundle` is a file or a folder with
    certificates that are trusted beside the public ones.
    """

    endpoint: str = ""
    cache: str = ""
    machine_cache: str = ""
    offline: bool = False
    ca_bundle: str = ""
    proxies: dict[str, str] = {}


class Choices:
    """What was told, and what holds; never a token."""

    def __init__(self, store: Store, urls: Urls, environ: Mapping[str, str] = os.environ) -> None:
        self._store = store
        self._urls = urls
        self._environ = environ

    def put(self, document: Any) -> None:
        """Keep what the portal was told; `ValueError` says what is wrong with it."""
        try:
            choice = msgspec.convert(document, Choice)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        choice = replace(choice, endpoint=self._checked(choice.endpoint))
        kept = asdict(choice)
        self._store.put_secrets(PROXIES, {"proxies": _by_short_name(kept.pop("proxies"))})
        self._store.put_record(RECORD, TOLD, kept)

    def put_seed(self, section: Mapping[str, Any]) -> None:
        """Keep what a seed's section `hub` says: without `upstream` there is no Hub beside this one."""
        self._store.put_record(RECORD, SEEDED, {"endpoint": self._checked(section.get("upstream") or "")})

    def current(self) -> Choice:
        """What holds: the endpoint that a person chose, else the seed's, else the public Hub; none before a word."""
        kept, seeded = self._store.record(RECORD, TOLD), self._store.record(RECORD, SEEDED)
        told = Choice(**(kept or {}))
        otherwise = seeded["endpoint"] if seeded else PUBLIC_HUB if kept is not None else ""
        return replace(
            told,
            endpoint=told.endpoint or otherwise,
            cache=told.cache or str(cache_dir(self._environ) / "hub"),
            proxies=(self._store.secrets(PROXIES) or {"proxies": {}})["proxies"],
        )

    def shown(self) -> dict[str, Any]:
        """What holds, as the portal shows it: without the passwords of proxies."""
        choice = self.current()
        return asdict(choice) | {"proxies": {name: _masked(address) for name, address in choice.proxies.items()}}

    def _checked(self, endpoint: str) -> str:
        endpoint = endpoint.strip().rstrip("/")
        if not endpoint:
            return ""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
            raise ValueError("endpoint must be the address of a Hub, such as https://huggingface.co")
        if is_loopback(parts.hostname) and parts.port == urlsplit(self._urls.hub).port:
            raise ValueError(f"endpoint {endpoint} is this emulator's own Hub: it cannot be its own upstream")
        return endpoint


def _by_short_name(proxies: Mapping[str, str]) -> dict[str, str]:
    """The proxies as `http`, `https`, `all` and `no`, whether they were named so or like the variables."""
    short = {name.lower().removesuffix("_proxy"): address for name, address in proxies.items() if address}
    if unknown := sorted(set(short) - {"http", "https", "all", "no"}):
        raise ValueError(f"proxies has {unknown[0]!r}; there are http, https, all and no")
    return short


def _masked(address: str) -> str:
    scheme, slashes, rest = address.rpartition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{slashes}{'***' if login else ''}{at}{place}"
