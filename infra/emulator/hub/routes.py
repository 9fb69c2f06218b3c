"""The emulated Hugging Face Hub: what `huggingface_hub` needs to check tokens and gates and to download models."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from infra.emulator.hub.documents import commit_entry, file_entry, model_info, refs, tree, whoami
from infra.emulator.hub.files import content, file_of, resolved
from infra.emulator.hub.gate import (
    UNGATED_FILES,
    HubError,
    HubToken,
    check_gate,
    check_visible,
    check_write,
    identify,
    may_read,
    not_found,
)
from infra.emulator.hub.repos import HubRepos, Repo
from infra.emulator.hub.signed_links import SignedLinks
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls

REPO = "(?P<repo>[^/]+/[^/]+)"
PATTERNS = (
    ("GET", r"/api/whoami-v2", "whoami"),
    ("GET", r"/api/models/REPO", "info"),
    ("GET", r"/api/models/REPO/revision/(?P<revision>.+)", "info"),
    ("GET", r"/api/models/REPO/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", "tree"),
    ("POST", r"/api/models/REPO/paths-info/(?P<revision>.+)", "paths-info"),
    ("GET", r"/api/models/REPO/refs", "refs"),
    ("GET", r"/api/models/REPO/commits/(?P<revision>[^/]+)", "commits"),
    ("GET", r"/api/models/REPO/auth-check", "auth-check"),
    ("GET", r"/api/models/REPO/auth-check/write", "auth-check-write"),
    ("GET", r"/REPO/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    ("GET", r"/REPO/raw/(?P<revision>[^/]+)/(?P<path>.+)", "raw"),
    ("POST", r"/REPO/ask-access", "ask-access"),
)
ROUTES = [(method, re.compile(pattern.replace("REPO", REPO)), name) for method, pattern, name in PATTERNS]
# The Hub's first models have ids without a namespace; none of them is our own.
WITHOUT_NAMESPACE = re.compile(
    r"/api/models/[^/]+(/(revision|tree|refs|paths-info|commits|auth-check)(/.*)?)?$|/[^/]+/(resolve|raw)/."
)
PLAIN_ROUTES = [
    (method, re.compile(pattern.replace("REPO", "(?P<repo>[^/]+)")), name) for method, pattern, name in PATTERNS
]


Handler = Callable[..., Awaitable[Response]]
Elsewhere = Callable[[str], Repo | None]


class Route(Struct, frozen=True):
    """What a request is about: the operation's name, and the parts of its path."""

    name: str
    parts: Mapping[str, str | None]


class HubRoutes:
    """The Hub's operations on repositories that are on this machine; `elsewhere` finds those that are not our own."""

    def __init__(
        self, repos: HubRepos, elsewhere: Elsewhere, urls: Urls, settings: Settings, links: SignedLinks
    ) -> None:
        self._repos = repos
        self._elsewhere = elsewhere
        self._urls = urls
        self._settings = settings
        self._links = links
        self._handlers: dict[str, Handler] = {
            "whoami": self._whoami,
            "info": self._info,
            "tree": self._tree,
            "paths-info": self._paths_info,
            "refs": self._refs,
            "commits": self._commits,
            "auth-check": self._auth_check,
            "auth-check-write": self._auth_check_write,
            "resolve": self._resolve,
            "raw": self._raw,
            "ask-access": self._ask_access,
        }

    def find(self, request: Request) -> Route | None:
        """The operation that a request asks for; None for one that is not known."""
        method = "GET" if request.method == "HEAD" else request.method
        path = request.scope["raw_path"].decode("ascii").rstrip("/")  # as it was sent: a revision may have a slash
        for wanted, pattern, name in PLAIN_ROUTES if WITHOUT_NAMESPACE.match(path) else ROUTES:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return Route(name, {part: value and unquote(value) for part, value in match.groupdict().items()})
        return None

    async def answer(self, request: Request, route: Route | None, store: Store | None) -> Response:
        """Answer a request; with a store its token must be one of ours, without one nobody asks for a token."""
        token = identify(store, request.headers.get("authorization")) if store else None
        if route is None:
            what = f"{request.method} {request.url.path}"
            raise HubError(501, "", f"The emulator does not know the operation '{what}' of the Hub.")
        return await self._handlers[route.name](request, token, **route.parts)

    async def _whoami(self, request: Request, token: HubToken | None) -> Response:
        if token is None:
            raise HubError(401, "", "Invalid username or password.")
        return JSONResponse(whoami(token))

    async def _info(self, request: Request, token: HubToken | None, repo: str, revision: str | None = None) -> Response:
        found = await self._repo(repo, token, revision)
        query = request.query_params
        expand = [*query.getlist("expand"), *query.getlist("expand[]")]
        return JSONResponse(
            model_info(found, readable=may_read(found, token), blobs=_is_true(query.get("blobs")), expand=expand)
        )

    async def _tree(
        self, request: Request, token: HubToken | None, repo: str, revision: str, path: str | None
    ) -> Response:
        found = await self._repo(repo, token, revision)
        query, folder = request.query_params, (path or "").strip("/")
        entries = tree(
            found,
            folder,
            recursive=_is_true(query.get("recursive")),
            readable=may_read(found, token),
            expand=_is_true(query.get("expand")),
        )
        if folder and not entries:
            raise HubError(404, "EntryNotFound", f'{folder} does not exist on "{revision}"', found.sha)
        return self._page(request, entries, {"X-Repo-Commit": found.sha})

    async def _paths_info(self, request: Request, token: HubToken | None, repo: str, revision: str) -> Response:
        found = await self._repo(repo, token, revision)
        async with request.form() as form:
            paths = [str(path) for path in form.getlist("paths")]
        files = [found.files[path] for path in paths if path in found.files]
        return JSONResponse([file_entry(file, readable=may_read(found, token)) for file in files])

    async def _refs(self, request: Request, token: HubToken | None, repo: str) -> Response:
        return JSONResponse(refs(await self._repo(repo, token)))

    async def _commits(self, request: Request, token: HubToken | None, repo: str, revision: str) -> Response:
        found = await self._repo(repo, token, revision)
        return self._page(request, [commit_entry(found, each) for each in (found.commit, *found.commit.earlier)])

    def _page(
        self, request: Request, items: list[dict[str, Any]], headers: Mapping[str, str] | None = None
    ) -> Response:
        """A page of a list; the header `Link` leads to the next one."""
        query = request.query_params
        largest = max(1, int(self._settings["hub_page_size"]))
        limit, cursor = query.get("limit", str(largest)), query.get("cursor", "0")
        if not (limit.isdecimal() and int(limit) and cursor.isdecimal()):
            raise HubError(400, "", "Invalid limit or cursor")
        start, end = int(cursor), int(cursor) + min(int(limit), largest)
        answer = JSONResponse(items[start:end], headers=headers)
        if end < len(items):
            path = request.scope["raw_path"].decode("ascii")
            more = urlencode(
                [*((name, text) for name, text in query.multi_items() if name != "cursor"), ("cursor", end)]
            )
            answer.headers["Link"] = f'<{self._urls.hub}{path}?{more}>; rel="next"'
        return answer

    async def _auth_check(self, request: Request, token: HubToken | None, repo: str) -> Response:
        check_gate(await self._repo(repo, token), token)
        return PlainTextResponse("OK")

    async def _auth_check_write(self, request: Request, token: HubToken | None, repo: str) -> Response:
        check_write(await self._repo(repo, token), token)
        return PlainTextResponse("OK")

    async def _resolve(self, request: Request, token: HubToken | None, repo: str, revision: str, path: str) -> Response:
        found = await self._repo(repo, token)
        if path not in UNGATED_FILES:
            check_gate(found, token)  # before the caller learns whether revision and file exist
        found = at(found, revision)
        return resolved(request, found, path, self._urls.hub + self._links.to(found.id, found.sha, path))

    async def _raw(self, request: Request, token: HubToken | None, repo: str, revision: str, path: str) -> Response:
        found = await self._repo(repo, token)
        check_gate(found, token)
        found = at(found, revision)
        return content(request, found, file_of(found, path))

    async def _ask_access(self, request: Request, token: HubToken | None, repo: str) -> Response:
        if token is None:
            raise HubError(401, "", "Invalid username or password.")
        found = await self._repo(repo, token)
        if found.gated and found.access.get(token.user) in (None, "reset"):
            self._repos.set_access(found.id, token.user, "accepted" if found.gated == "auto" else "pending")
        return RedirectResponse(f"{self._urls.hub}/{found.id}", status_code=303)

    async def _repo(self, repo_id: str, token: HubToken | None, revision: str | None = None) -> Repo:
        record = self._repos.known(repo_id)
        repo = await asyncio.to_thread(lambda: self._repos.load(record) if record else self._elsewhere(repo_id))
        if repo is None:
            raise not_found(token)
        check_visible(repo, token)
        return repo if revision is None else at(repo, revision)


def at(repo: Repo, revision: str) -> Repo:
    """The repository at a revision; `HubError` where it has none of this name."""
    commit = repo.history.find(revision)
    if commit is None:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return replace(repo, commit=commit)


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "1")
