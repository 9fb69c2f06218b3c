"""Answers with a file: small ones at once, large ones by way of a signed address, as the Hub does."""

from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.history import RepoFile
from infra.emulator.hub.repos import Repo


class LargeFileResponse(FileResponse):
    """A file that is read in large pieces: weights come several times as fast."""

    chunk_size = 1024 * 1024


class NotHere(Exception):
    """The content of a file that the repository has is not on this machine."""


def file_of(repo: Repo, path: str) -> RepoFile:
    """A file of the repository; `HubError` where there is none."""
    if path not in repo.files:
        raise HubError(404, "EntryNotFound", "Entry not found", repo.sha)
    if not repo.files[path].source.is_file():
        raise NotHere(f"{path} of {repo.id} at {repo.sha[:12]}")
    return repo.files[path]


def resolved(request: Request, repo: Repo, path: str, at: str) -> Response:
    """The answer of `/resolve/`: a small file's content, the signed address `at` of a large one."""
    file = file_of(repo, path)
    if not file.sha256 or _unchanged(request, file):
        return content(request, repo, file)
    headers = {**headers_of(repo, file), "Location": at, "Vary": "Origin, Accept", "Cache-Control": "no-store"}
    headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"'}
    return Response(status_code=302, headers=headers)


def content(request: Request, repo: Repo, file: RepoFile) -> Response:
    """The content of a file, or a range of it."""
    headers = headers_of(repo, file)
    if _unchanged(request, file):
        return Response(status_code=304, headers=headers)
    media_type = "application/octet-stream" if file.sha256 else "text/plain; charset=utf-8"
    return LargeFileResponse(file.source, headers=headers, media_type=media_type)


def headers_of(repo: Repo, file: RepoFile) -> dict[str, str]:
    """What every answer about a file tells: its hash, and the commit."""
    return {"ETag": f'"{file.etag}"', "X-Repo-Commit": repo.sha}


def denied(fault: str) -> Response:
    """The storage's refusal of a signed address; it is no answer of the Hub, so it has none of its headers."""
    document = f"<Error><Code>AccessDenied</Code><Message>{escape(fault)}</Message></Error>"
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{document}', 403, media_type="application/xml")


def _unchanged(request: Request, file: RepoFile) -> bool:
    return request.headers.get("if-none-match") == f'"{file.etag}"'
