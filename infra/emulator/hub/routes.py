"""The emulated Hugging Face Hub: what `huggingface_hub` needs to check tokens and gates and to download models."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from infra.emulator.hub.documents import commit_entry, file_entry, model_info, refs, tree, whoami
from infra.emulator.hub.files import content, denied, file_of, resolved
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
from infra.emulator.hub.repos import HubRepos, NotPrepared, Repo
from infra.emulator.hub.signed_links import PREFIX, SignedLinks
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls

CHALLENGE = 'Bearer realm="Authentication required", charset="UTF-8"'
REPO = r"(?P<repo>[^/]+/[^/]+)"
CDN = re.compile(rf"{PREFIX}{REPO}/(?P<revision>[0-9a-f]{{40}})/(?P<path>.+)")
# Only the Hub's first models have ids without a namespace, and none of them is here.
WITHOUT_NAMESPACE = re.compile(r"/api/models/[^/]+(/(revision|tree|refs|paths-info)(/.*)?)?$|/[^/]+/(resolve|raw)/.")


class HubRoutes:
    """ASGI application of the Hub."""

    def __init__(self, store: Store, urls: Urls, repos: HubRepos, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._urls = urls
        self._repos = repos
        self._links = SignedLinks(store, settings)
        routes: list[tuple[str, str, Callable[..., Awaitable[Response]]]] = [
            ("GET", r"/api/whoami-v2", self._whoami),
            ("GET", rf"/api/models/{REPO}", self._info),
            ("GET", rf"/api/models/{REPO}/revision/(?P<revision>.+)", self._info),
            ("GET", rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", self._tree),
            ("POST", rf"/api/models/{REPO}/paths-info/(?P<revision>.+)", self._paths_info),
            ("GET", rf"/api/models/{REPO}/refs", self._refs),
            ("GET", rf"/api/models/{REPO}/commits/(?P<revision>[^/]+)", self._commits),
            ("GET", rf"/api/models/{REPO}/auth-check", self._auth_check),
            ("GET", rf"/api/models/{REPO}/auth-check/write", self._auth_check_write),
            ("GET", rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", self._resolve),
            ("GET", rf"/{REPO}/raw/(?P<revision>[^/]+)/(?P<path>.+)", self._raw),
            ("POST", rf"/{REPO}/ask-access", self._ask_access),
        ]
        self._routes = [(method, re.compile(pattern), handler) for method, pattern, handler in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except HubError as error:
            response = _refusal(error, as_json=request.url.path.startswith("/api/"))
        except NotPrepared as missing:
            response = _refusal(HubError(503, "", str(missing)), as_json=True)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path.startswith(PREFIX):
            return await self._cdn(request)
        token = identify(self._store, request.headers.get("authorization"))
        method = "GET" if request.method == "HEAD" else request.method
        for wanted, pattern, handler in self._routes:
            # The path as it was sent: a revision may have a slash in it.
            match = pattern.fullmatch(request.scope["raw_path"].decode("ascii").rstrip("/"))
            if match and wanted == method:
                parts = {name: part and unquote(part) for name, part in match.groupdict().items()}
                return await handler(request, token, **parts)
        if WITHOUT_NAMESPACE.match(request.url.path):
            raise not_found(token)
        what = f"{request.method} {request.url.path}"
        raise HubError(501, "", f"The emulator does not know the operation '{what}' of the Hub.")

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
        found = _at(found, revision)
        return resolved(request, found, path, self._urls.hub + self._links.to(found.id, found.sha, path))

    async def _cdn(self, request: Request) -> Response:
        """A large file at its signed address: no token is asked for, nor one that is sent looked at."""
        if fault := self._links.fault(request.url.path, request.query_params):
            return denied(fault)
        match = CDN.fullmatch(request.url.path)
        record = self._repos.known(match["repo"]) if match else None
        if match is None or record is None:
            return denied("Access denied")
        found = _at(await asyncio.to_thread(self._repos.load, record), match["revision"])
        return content(request, found, file_of(found, match["path"]))

    async def _raw(self, request: Request, token: HubToken | None, repo: str, revision: str, path: str) -> Response:
        found = await self._repo(repo, token)
        check_gate(found, token)
        found = _at(found, revision)
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
        if record is None:
            raise not_found(token)
        repo = await asyncio.to_thread(self._repos.load, record)
        check_visible(repo, token)
        return repo if revision is None else _at(repo, revision)


def _at(repo: Repo, revision: str) -> Repo:
    commit = repo.history.find(revision)
    if commit is None:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return replace(repo, commit=commit)


def _refusal(error: HubError, *, as_json: bool) -> Response:
    headers = {"X-Error-Message": error.message.encode("ascii", "replace").decode()}
    if error.code:
        headers["X-Error-Code"] = error.code
    if error.commit:
        headers["X-Repo-Commit"] = error.commit
    if error.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if as_json:
        return JSONResponse({"error": error.message}, error.status, headers)
    return PlainTextResponse(error.message, error.status, headers)


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "1")
