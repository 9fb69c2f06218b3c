"""Folders of Azure's blob storage, read with the container's managed identity; by REST, without an SDK.

A folder is kept below HF_HOME by its address and the etags of its blobs: a container that starts again fetches
nothing that is unchanged.
"""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import httpx
from huggingface_hub import constants

from scoring.errors import WeightsMissing
from scoring.weights.disk import cannot_write, check_room, said_size, unfinished_name
from scoring.weights.identity import identity_token
from scoring.weights.patience import PASSING, Patience, status_of

logger = logging.getLogger("scoring")

VERSION = "2021-12-02"  # of the storage service
PIECE = 8 * 1024 * 1024  # bytes of one ranged request
AT_ONCE = 8
NEW_ROLE_SECONDS = 660.0  # a role may take ten minutes until it counts
TIMEOUT = httpx.Timeout(60, connect=20)


@dataclass(frozen=True)
class Blob:
    """A blob of a listing; `name` is its path below the folder."""

    name: str
    size: int
    etag: str


class BlobFolders:
    """Brings folders of blob storage here, below `cache` or HF_HOME."""

    def __init__(
        self, environ: Mapping[str, str], cache: Path | None = None, seconds: float = NEW_ROLE_SECONDS
    ) -> None:
        self._environ = environ
        self._root = (cache or Path(constants.HF_HOME)) / "gatelift-blobs"
        self._patience = Patience(seconds, who="blob storage", passing=(*PASSING, 403))

    def fetch(self, url: str) -> str:
        """Return the folder with the blobs below a URL; raises `WeightsMissing`."""
        container, prefix = split_url(url)
        headers = self._headers()
        try:
            with httpx.Client(timeout=TIMEOUT, headers=headers) as client:
                blobs = self._patience.ask(lambda: list(_listed(client, container, prefix)), url)
                if not blobs:
                    raise WeightsMissing(f"there are no blobs below {url}", hint="was the adapter uploaded there?")
                return str(self._filled(client, f"{container}/{quote(prefix)}", url, blobs))
        except (httpx.HTTPError, OSError, ElementTree.ParseError) as error:
            raise _explained(error, url) from error

    def _headers(self) -> dict[str, str]:
        patience = Patience(self._patience.seconds, who="the managed identity")
        try:
            token = patience.ask(lambda: identity_token(self._environ), "a token of blob storage")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, KeyError, TypeError) as error:
            raise _no_token(error) from error
        return {"authorization": f"Bearer {token}", "x-ms-version": VERSION}

    def _filled(self, client: httpx.Client, base: str, url: str, blobs: list[Blob]) -> Path:
        state = hashlib.sha256("\n".join(f"{one.name} {one.etag}" for one in blobs).encode()).hexdigest()[:16]
        folder = self._root / hashlib.sha256(url.encode()).hexdigest()[:16] / state
        missing = [one for one in blobs if not _is_here(folder / one.name, one)]
        needed = sum(one.size for one in missing)
        logger.info("[weights] %s: %d files, %s to be downloaded to %s", url, len(blobs), said_size(needed), folder)
        check_room(self._root, needed, url)
        for one in missing:
            self._patience.ask(partial(_download, client, f"{base}{quote(one.name)}", one, folder / one.name), url)
        return folder


def split_url(url: str) -> tuple[str, str]:
    """Return the container's URL and the prefix that ends in a slash; raises `WeightsMissing` for no such address."""
    parts = urlsplit(url)
    segments = [unquote(one) for one in parts.path.split("/") if one]
    # A host of its own has the account; a storage service of path style has it before the container.
    before = next((at + 1 for at, one in enumerate(segments) if ".blob." in one), 0 if ".blob." in parts.netloc else 1)
    if parts.scheme not in ("https", "http") or len(segments) < before + 2:
        raise WeightsMissing(
            f"{url} is no folder of blob storage", hint="write https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER"
        )
    container = "/".join(quote(one) for one in segments[: before + 1])
    return f"{parts.scheme}://{parts.netloc}/{container}", "/".join(segments[before + 1 :]) + "/"


def _listed(client: httpx.Client, container: str, prefix: str) -> Iterator[Blob]:
    marker = ""
    while True:
        query = {"restype": "container", "comp": "list", "prefix": prefix, **({"marker": marker} if marker else {})}
        page = ElementTree.fromstring(client.get(container, params=query).raise_for_status().content)  # noqa: S314
        for one in page.iter("Blob"):
            name, size = (one.findtext("Name") or "").removeprefix(prefix), one.findtext("Properties/Content-Length")
            if name and not name.endswith("/"):
                yield Blob(_safe(name), int(size or 0), one.findtext("Properties/Etag") or "")
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return


def _safe(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in name.split("/"):
        raise WeightsMissing(f"a blob has the name {name!r}, which leads out of its folder", hint="rename it")
    return name


def _is_here(path: Path, blob: Blob) -> bool:
    return path.is_file() and path.stat().st_size == blob.size


def _download(client: httpx.Client, url: str, blob: Blob, path: Path) -> None:
    """Read a blob in pieces side by side; the file has its name once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished_name(path)
    with part.open("wb") as file:
        file.truncate(blob.size)

    def piece(start: int) -> None:
        end = min(start + PIECE, blob.size) - 1
        headers = {"x-ms-range": f"bytes={start}-{end}", "if-match": blob.etag}
        content = client.get(url, headers=headers).raise_for_status().content
        if len(content) != end - start + 1:
            raise httpx.RemoteProtocolError(f"{len(content)} bytes came where {end - start + 1} were asked for")
        os.pwrite(descriptor, content, start)

    descriptor = os.open(part, os.O_WRONLY)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(piece, range(0, blob.size, PIECE)))
        part.replace(path)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)


def _no_token(error: Exception) -> WeightsMissing:
    status = status_of(error)
    said = f"it answered {status}" if status else f"{type(error).__name__}: {error}"
    return WeightsMissing(
        f"the managed identity gives no token for blob storage: {said}",
        hint="has the endpoint an identity, and is it the one that UAI_CLIENT_ID or AZURE_CLIENT_ID names?",
    )


def _explained(error: Exception, url: str) -> WeightsMissing:
    if refused := cannot_write(error, url):
        return refused
    if isinstance(error, ElementTree.ParseError):
        return WeightsMissing(
            f"what answers at {url} is not blob storage: it sent no XML", hint="is a login page or a proxy in between?"
        )
    status = status_of(error)
    if status in (401, 403):
        return WeightsMissing(
            f"the identity of the endpoint may not read {url} ({status})",
            hint="it needs Storage Blob Data Reader there, which may take ten minutes until it counts",
        )
    if status == 404:
        return WeightsMissing(f"there is no {url} (404)", hint="was the adapter uploaded there?")
    if status == 412:
        return WeightsMissing(f"{url} was changed while it was read", hint="start again")
    said = f"it answered {status}" if status else f"{type(error).__name__}: {error}"
    return WeightsMissing(f"cannot download {url}: {said}", hint="may this container reach the storage account?")
