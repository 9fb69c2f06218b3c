"""Content that the storage service fetches itself: the sources of `Put Block From URL` and `Put Blob From URL`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from infra.emulator.storage.documents import StorageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 30.0
NOT_IN_TIME = (
    "Could not verify the copy source within the specified time. Examine the HTTP status code and message for more "
    "information about the failure."
)


@asynccontextmanager
async def opened(headers: Headers) -> AsyncIterator[AsyncIterator[bytes]]:
    """The content at `x-ms-copy-source`, or its `x-ms-source-range`, in pieces; `StorageError` where it cannot be had.

    Redirects are not followed.
    """
    import httpx  # takes long, and most emulators never fetch anything

    url = headers["x-ms-copy-source"]
    sent = {name: value for name, value in _asked(headers).items() if value}
    direct = urlsplit(url).hostname in LOOPBACK
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=not direct) as client,
            client.stream("GET", url, headers=sent) as answer,
        ):
            if answer.status_code != (206 if "range" in sent else 200):
                raise _refused(answer.status_code, answer.reason_phrase)
            _check_etag(headers, answer.headers)
            yield answer.aiter_raw(1 << 20)
    except httpx.UnsupportedProtocol:
        raise StorageError(400, "InvalidHeaderValue", node="x-ms-copy-source") from None
    except httpx.HTTPError:
        raise StorageError(500, "CannotVerifyCopySource", NOT_IN_TIME) from None


def _asked(headers: Headers) -> dict[str, str]:
    return {
        "range": headers.get("x-ms-source-range", ""),
        "authorization": headers.get("x-ms-copy-source-authorization", ""),
        "accept-encoding": "identity",
        "user-agent": "azure-storage",
    }


def _check_etag(headers: Headers, answered: Any) -> None:
    wanted = headers.get("x-ms-source-if-match")
    if wanted and wanted not in ("*", answered.get("etag")):
        raise StorageError(412, "SourceConditionNotMet")


def _refused(status: int, reason: str) -> StorageError:
    """Azure answers with the source's own status where that is an error."""
    error = StorageError(status if status >= 400 else 400, "CannotVerifyCopySource", reason)
    error.source_status = status
    return error
