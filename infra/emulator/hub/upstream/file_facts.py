"""What the upstream Hub says of a file before it sends it."""

from collections.abc import Mapping

from msgspec import Struct

from infra.emulator.hub.upstream.cache_folder import COMMIT
from infra.emulator.hub.upstream.client import Answer, Unreachable


class FileFacts(Struct, frozen=True):
    """A file at a commit: its ETag without quotes; its size in bytes, -1 where it is not told."""

    commit: str
    etag: str
    size: int


def facts_of(answer: Answer) -> FileFacts:
    """The facts in the answer to a HEAD; `Unreachable` where they are not those of a Hub."""
    headers = answer.headers
    commit, etag = headers.get("x-repo-commit", ""), _plain(headers.get("x-linked-etag") or headers.get("etag", ""))
    if not COMMIT.fullmatch(commit) or not etag:
        raise Unreachable(f"it answered {answer.status} without a commit and a hash, as no Hub does")
    return FileFacts(commit, etag, _size(headers, redirected=answer.status // 100 == 3))


def _plain(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _size(headers: Mapping[str, str], *, redirected: bool) -> int:
    """The size of the file itself: a redirect's own length is of no interest."""
    text = headers.get("x-linked-size") or ("" if redirected else headers.get("content-length", ""))
    return int(text) if text.isdecimal() else -1
