"""Answers for repositories that are not this emulator's own: from the upstream Hub, and from what was kept of it."""

import secrets
from collections import OrderedDict
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from infra.emulator.hub.gate import HubError
from infra.emulator.hub.repos import Repo
from infra.emulator.hub.signed_links import SignedLinks
from infra.emulator.hub.upstream.cache_folder import CacheFolder, checked_path
from infra.emulator.hub.upstream.cached_repo import cached_repo
from infra.emulator.hub.upstream.choice import Choice, Choices
from infra.emulator.hub.upstream.client import Answer, Ask, HubClient, Unreachable
from infra.emulator.hub.upstream.download import Refused, Wanted
from infra.emulator.hub.upstream.downloads import Downloads
from infra.emulator.hub.upstream.file_answers import FileAnswers
from infra.emulator.hub.upstream.file_facts import facts_of
from infra.emulator.hub.upstream.relay import commit_in, relayed
from infra.emulator.state.urls import Urls

MOST_KNOWN = 10_000  # files that are remembered between their signed address and its use
Place = tuple[str, str, str]  # repository, revision, path


class ReadThrough:
    """The upstream Hub as this emulator's clients see it."""

    def __init__(self, choices: Choices, links: SignedLinks, urls: Urls) -> None:
        self._choices = choices
        self._links = links
        self._urls = urls
        self._downloads = Downloads()
        self._client, self._clients = HubClient(Choice()), list[HubClient]()
        self._files = FileAnswers(self._client, self._downloads)
        self._known: OrderedDict[Place, Wanted] = OrderedDict()  # in memory alone: they hold the callers' tokens
        self._name = f"gatelift-{secrets.token_hex(4)}"

    @property
    def is_on(self) -> bool:
        """Whether there is an upstream Hub."""
        return bool(self._choices.current().endpoint)

    async def relay(self, request: Request, token: str) -> Response:
        """Pass a request of the Hub's API on, with the caller's token, and its answer back."""
        client = await self._asked()
        query = request.scope["query_string"].decode("ascii", "replace")
        target = request.scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
        headers = {name: request.headers[name] for name in ("content-type", "accept") if name in request.headers}
        ask = Ask(request.method, target, token, headers | self._via(request), await request.body())
        answer = await client.ask(ask)
        if answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html"):
            raise Unreachable("it answered with a web page, as no Hub does")
        return self.passed(answer)

    async def info(self, request: Request, token: str, repo: str, revision: str) -> Response:
        """What the upstream Hub says about a model, among it the commit of the revision."""
        _check(repo, revision)
        response = await self.relay(request, token)
        if response.status_code == 200 and request.method == "GET":
            commit = commit_in(response.body)
            if commit:
                self._files.heard(repo, revision, commit)
        return response

    async def resolve(self, request: Request, token: str, place: Place) -> Response:
        """A file at a revision: who may read it, and which commit that is, is asked of the upstream Hub each time."""
        wanted = await self._wanted(request, token, place)
        await self._files.keep_empty(wanted)
        self._files.link(wanted)
        headers = {"ETag": f'"{wanted.etag}"', "X-Repo-Commit": wanted.commit}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if not wanted.large:
            return await self._files.content(request, wanted)
        repo, commit, path = found = wanted.place
        self._known[found] = wanted
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        headers |= {"Location": self._urls.hub + self._links.to(repo, commit, path), "Cache-Control": "no-store"}
        return Response(
            status_code=302,
            headers=headers | {"X-Linked-Size": str(wanted.size), "X-Linked-Etag": f'"{wanted.etag}"'},
        )

    async def stored(self, request: Request, token: str, place: Place) -> Response:
        """A large file at its signed address: its reader was found to be allowed when the address was made."""
        files, wanted = self._current(), self._known.get(place)
        if wanted is None or files.here(wanted) is None:
            await self._asked()
            wanted = wanted or await self._wanted(request, token, place)
        return await files.content(request, wanted)

    def cached(self, repo: str) -> Repo | None:
        """The repository as the caches know it; None where none has a file of it."""
        if not self.is_on:
            return None
        _check(repo)
        return cached_repo(self._current().caches, repo)

    def missing(self, what: str, repo: str, reason: str) -> HubError:
        """The refusal of what is in no cache while the upstream Hub cannot be asked."""
        endpoint = self._choices.current().endpoint
        way = (
            f"`gatelift hub pull {repo}` brings it where the Hub can be reached"
            if repo
            else "try again where it can be"
        )
        why = (
            "is not asked: HF_HUB_OFFLINE is set" if self._choices.current().offline else f"cannot be reached: {reason}"
        )
        return HubError(424, "NotCached", f"{what}, and {endpoint} {why}; {way}")

    async def close(self) -> None:
        """End downloads, which go on at the next request, and close connections."""
        await self._downloads.close()
        for client in (*self._clients, self._client):
            await client.close()

    async def _wanted(self, request: Request, token: str, place: Place) -> Wanted:
        """The file at the commit that its revision means now; `Refused` where the upstream Hub refuses it."""
        repo, revision, path = place
        _check(repo, revision, path)
        client = await self._asked()
        target = f"/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"
        answer = await client.ask(Ask("HEAD", target, token, self._via(request)))
        if answer.status >= 400:
            raise Refused(answer)
        facts = facts_of(answer)
        wanted = Wanted(repo, facts.commit, path, facts.etag, facts.size, revision, token)
        return await self._files.sized(wanted)

    def passed(self, answer: Answer) -> Response:
        """An answer of the upstream Hub as our client gets it."""
        return relayed(answer, self._client.choice.endpoint, self._urls.hub)

    async def _asked(self) -> HubClient:
        """The client of the Hub that is upstream now; `Unreachable` where it is not to be asked."""
        self._current()
        if self._client.choice.offline:
            raise Unreachable("offline")
        return self._client

    def _current(self) -> FileAnswers:
        choice = self._choices.current()
        if self._client.choice != choice:
            self._clients.append(self._client)  # its downloads go on
            self._known.clear()  # the tokens were for that Hub
            self._client = HubClient(choice)
            self._files = FileAnswers(self._client, self._downloads)
        return self._files

    def _via(self, request: Request) -> dict[str, str]:
        """Say that the request has passed here; `HubError` for one that comes back: the Hub upstream asks us."""
        passed = request.headers.get("via", "")
        if self._name in passed:
            endpoint = self._client.choice.endpoint
            raise HubError(
                508, "", f"the Hub upstream, {endpoint}, asks this Hub in turn: a loop; set HF_ENDPOINT anew"
            )
        return {"Via": f"{passed}, 1.1 {self._name}".lstrip(", ")}


def _check(repo: str, revision: str = "main", path: str = "x") -> None:
    """Refuse what cannot be a place in a repository before it becomes a path on the disk."""
    try:
        CacheFolder.check(repo)
    except ValueError:
        raise HubError(404, "RepoNotFound", "Repository not found") from None
    try:
        checked_path(revision)
    except ValueError:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}") from None
    try:
        checked_path(path)
    except ValueError:
        raise HubError(404, "EntryNotFound", "Entry not found") from None
