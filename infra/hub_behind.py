"""What the emulated Hub is told of the Hub behind it, from which it takes the models that it does not have itself."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from infra.addresses import is_loopback
from infra.errors import GateliftError
from infra.paths import cache_dir
from infra.portal import Portal

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")  # in either case, the lower one first
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
TRUE = ("1", "on", "yes", "true")


def hub_behind(environ: Mapping[str, str], *, own_hub: str, own_bundle: str) -> dict[str, Any]:
    """The body of the portal's `PUT /hub-upstream`, from the environment of a command.

    `endpoint` is HF_ENDPOINT; empty where nobody has set it, or set it to the emulated Hub itself. `cache` is the
    folder in which the emulated Hub keeps what it read, `machine_cache` that of huggingface_hub, `proxies` variables
    of proxies by their names in lower case, `ca_bundle` certificates of the machine: a file or a folder beside ours.
    Raises `GateliftError` for an HF_ENDPOINT that is no address.
    """
    proxies = {name: environ.get(name) or environ.get(name.upper()) for name in PROXIES}
    bundles = (environ.get(name) for name in BUNDLES)
    return {
        "endpoint": _endpoint(environ, own_hub),
        "cache": str(cache_dir(environ) / "hub"),
        "machine_cache": machine_cache(environ),
        "offline": is_offline(environ),
        "proxies": {name: value for name, value in proxies.items() if value},
        "ca_bundle": next((bundle for bundle in bundles if bundle and bundle != own_bundle), ""),
    }


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the environment forbids to ask the Hub, by huggingface_hub's own rules."""
    return any(environ.get(name, "").lower() in TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def machine_cache(environ: Mapping[str, str]) -> str:
    """The folder in which huggingface_hub keeps models on this machine, by its own rules."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if chosen := environ.get(name):
            return _expanded(chosen)
    home = environ.get("HF_HOME") or os.path.join(environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return os.path.join(_expanded(home), "hub")


def tell_hub_behind(portal_url: str, body: Mapping[str, Any]) -> None:
    """Tell the running emulator; one that takes no Hub behind it is left alone."""
    Portal(portal_url).put("hub-upstream", body, but=HTTPStatus.NOT_FOUND)


def _endpoint(environ: Mapping[str, str], own_hub: str) -> str:
    endpoint = environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    parts = urlsplit(endpoint)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is none
        host, port = None, None
    if endpoint and not (parts.scheme in ("http", "https") and host):
        raise GateliftError(
            f"HF_ENDPOINT is {endpoint!r}, which is not the address of a Hub",
            hint="write it as https://huggingface.co, or `unset HF_ENDPOINT`",
            code="hub_endpoint",
        )
    is_own = is_loopback(host or "") and port == urlsplit(own_hub).port
    return "" if is_own else endpoint


def _expanded(path: str) -> str:
    return os.path.abspath(os.path.expandvars(os.path.expanduser(path)))
