"""The headers of requests and answers of the storage service."""

import re
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from infra.emulator.storage.documents import StorageError


def byte_range(header: str, size: int) -> tuple[int, int]:
    """First and last byte that a `Range` header asks for, of so many; everything without one."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header.strip())
    if not match:
        return 0, size - 1
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if first >= size or last < first:
        raise StorageError(416, "InvalidRange")
    return first, min(last, size - 1)


def sent_properties(request: Request) -> dict[str, Any]:
    """What a request that writes says of the blob: its metadata and content type."""
    metadata = {
        name.removeprefix("x-ms-meta-"): value
        for name, value in request.headers.items()
        if name.startswith("x-ms-meta-")
    }
    content_type = request.headers.get("x-ms-blob-content-type") or "application/octet-stream"
    return {"metadata": metadata, "content_type": content_type}


def version_headers(kept: dict[str, Any]) -> dict[str, str]:
    """The headers that change with every write."""
    return {"etag": kept["etag"], "last-modified": kept["modified"]}


def digest(kept: dict[str, Any]) -> dict[str, str]:
    """The MD5 of the content, which the service knows only of what came in one piece, or with its MD5."""
    return {"content-md5": kept["md5"]} if kept["md5"] else {}


def written(kept: dict[str, Any]) -> Response:
    """The answer to a write."""
    headers = {
        **version_headers(kept),
        **digest(kept),
        "x-ms-request-server-encrypted": "true",
        "date": formatdate(datetime.now(UTC).timestamp(), usegmt=True),
    }
    return Response(status_code=201, headers=headers)
