"""Reads and writes single blobs by URLs with a shared access signature; no SDK is needed for that."""

from infra.azure.arm import Arm
from infra.errors import NotReady, Refused
from infra.http_client import Unreachable, Web

TRIES = 3


class SignedUrls:
    """Access to blobs whose URLs carry their own permission; never sends the caller's credential."""

    def __init__(self, arm: Arm) -> None:
        self._web = Web(ca_bundle=arm.ca_bundle, connect=arm.timeouts.connect, read=arm.timeouts.request)

    def put(self, url: str, content: bytes) -> None:
        """Write a blob; raises `GateliftError` where the storage service refuses it or does not answer."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._web.send("PUT", url, headers=headers, body=content)
            except Unreachable as error:
                if attempt == TRIES or error.final:
                    raise _unreachable(error) from None
                continue
            if answer.status < 500 or attempt == TRIES:
                break
        if answer.status >= 400:
            raise Refused(
                f"the storage service answered {answer.status} to the upload of the build context",
                hint="run the command again",
                code=answer.headers.get("x-ms-error-code") or f"http_{answer.status}",
            )

    def read(self, url: str, start: int = 0) -> bytes:
        """A blob's content from this byte on; nothing where there is no more, or no such blob yet."""
        try:
            answer = self._web.read(url, headers={"Range": f"bytes={start}-"} if start else {})
        except Unreachable as error:
            raise _unreachable(error) from None
        if answer.status == 200:
            return answer.content[start:]
        return answer.content if answer.status == 206 else b""


def _unreachable(error: Unreachable) -> NotReady:
    return NotReady(f"the storage service does not answer: {error}", hint="run the command again", code="no_connection")
