"""The emulated Hugging Face Hub: answers for its own repositories, and passes on what is for the Hub upstream."""

import asyncio
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from infra.emulator.hub.files import NotHere, content, denied, file_of
from infra.emulator.hub.gate import HubError, bearer, own_token
from infra.emulator.hub.repos import HubRepos, NotPrepared
from infra.emulator.hub.routes import HubRoutes, Route, at
from infra.emulator.hub.signed_links import PREFIX, SignedLinks
from infra.emulator.hub.upstream.choice import Choices
from infra.emulator.hub.upstream.client import Unreachable
from infra.emulator.hub.upstream.download import Refused
from infra.emulator.hub.upstream.read_through import ReadThrough
from infra.emulator.state.settings import Settings
from infra.emulator.state.store import Store
from infra.emulator.state.urls import Urls

CHALLENGE = 'Bearer realm="Authentication required", charset="UTF-8"'
CDN = re.compile(rf"{PREFIX}(?P<repo>[^/]+(?:/[^/]+)?)/(?P<commit>[0-9a-f]{{40}})/(?P<path>.+)")


class HubApp:
    """ASGI application of the Hub."""

    def __init__(self, store: Store, urls: Urls, repos: HubRepos, settings: Settings) -> None:
        links = SignedLinks(store, settings)
        self._store = store
        self._repos = repos
        self._links = links
        self._upstream = ReadThrough(Choices(store, urls), links, urls)
        self._routes = HubRoutes(repos, self._upstream.cached, urls, settings, links)

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
        except Refused as refused:
            response = self._upstream.passed(refused.answer)
        await response(scope, receive, send)

    async def close(self) -> None:
        """End what is being fetched from the Hub upstream."""
        await self._upstream.close()

    async def _answer(self, request: Request) -> Response:
        if request.scope["path"].startswith(PREFIX):
            return await self._signed(request)
        route = self._routes.find(request)
        if route and self._is_beyond(request, route):
            return await self._beyond(request, route)
        return await self._routes.answer(request, route, self._store)

    def _is_beyond(self, request: Request, route: Route) -> bool:
        """Whether the Hub upstream has to answer: for repositories that are not ours, and for tokens that are not."""
        if not self._upstream.is_on:
            return False
        if repo := route.parts.get("repo"):
            return self._repos.known(repo) is None
        return bool(self._token(request))

    async def _beyond(self, request: Request, route: Route) -> Response:
        parts, token = route.parts, self._token(request)
        repo, revision = parts.get("repo") or "", parts.get("revision") or "main"
        try:
            if route.name == "resolve":
                return await self._upstream.resolve(request, token, (repo, revision, parts["path"] or ""))
            if route.name == "info":
                return await self._upstream.info(request, token, repo, revision)
            return await self._upstream.relay(request, token)
        except Unreachable as error:
            return await self._kept(request, route, str(error))

    async def _kept(self, request: Request, route: Route, reason: str) -> Response:
        """The answer from what this machine has; one sentence where it lacks something."""
        repo, revision = route.parts.get("repo") or "", route.parts.get("revision")
        if not repo:
            raise self._upstream.missing("this token is none of the emulator's own", "", reason)
        if await asyncio.to_thread(self._upstream.cached, repo) is None:
            raise self._upstream.missing(f"{repo} is not in the cache of this machine", repo, reason)
        try:
            return await self._routes.answer(request, route, None)
        except NotHere as file:
            raise self._upstream.missing(f"{file} is not in the cache of this machine", repo, reason) from None
        except HubError as error:
            if error.code != "RevisionNotFound":
                raise
            what = f"the revision {revision} of {repo} is not in the cache of this machine"
            raise self._upstream.missing(what, repo, reason) from None

    async def _signed(self, request: Request) -> Response:
        """A large file at its signed address: no token is asked for, nor one of ours that is sent looked at."""
        path = str(request.scope["path"])  # `request.url` takes a `#` or `?` of a file's name for its own
        fault, match = self._links.fault(path, request.query_params), CDN.fullmatch(path)
        if fault or not match:
            return denied(fault or "Access denied")
        repo, commit, path = place = (match["repo"], match["commit"], match["path"])
        record = self._repos.known(repo)
        if record is not None:
            found = at(await asyncio.to_thread(self._repos.load, record), commit)
            return content(request, found, file_of(found, path))
        if not self._upstream.is_on:
            return denied("Access denied")
        try:
            return await self._upstream.stored(request, self._token(request), place)
        except Unreachable as error:
            kept = Route("raw", {"repo": repo, "revision": commit, "path": path})
            return await self._kept(request, kept, str(error))

    def _token(self, request: Request) -> str:
        """The caller's token for the Hub upstream: none where it is one of our own."""
        header = request.headers.get("authorization", "")
        return "" if own_token(self._store, header) else bearer(header)


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
