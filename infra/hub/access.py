"""What the Hugging Face Hub says about a model and a token.

Three documents of its API are read over plain HTTP: to import huggingface_hub takes longer than a whole `plan`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urljoin

from msgspec import Struct

from infra.errors import AccessDenied, GateliftError, NotFound, NotReady
from infra.http_client import Answer, Unreachable, Web
from infra.hub.facts import HubFile, ModelFacts, TokenFacts, read_model, read_siblings, read_tree
from infra.hub.token_form import ONE_LINE, fault_of
from infra.timeouts import Timeouts

PUBLIC_HUB = "https://huggingface.co"
REDIRECTS = 3
MANY_FILES = 1000  # from here on the Hub's documents about models may leave files out
PAGES = 1000
NEXT = re.compile(r'<([^>]*)>;\s*rel="?next"?')
TOKENS_PAGE = "https://huggingface.co/settings/tokens"


class _Refusal(Struct, frozen=True):
    """What the Hub answers when it refuses: the HTTP status, `X-Error-Code`, and its words."""

    status: int
    code: str
    text: str


class Hub:
    """A Hugging Face Hub, asked with or without a token."""

    def __init__(self, endpoint: str = PUBLIC_HUB, *, local: bool = False, timeouts: Timeouts | None = None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.local = local
        self._timeouts = timeouts or Timeouts()
        self._web = Web(connect=self._timeouts.connect, read=self._timeouts.hub)

    def page(self, model: str) -> str:
        """The address of the model's web page; the emulated Hub has none, so it is the public Hub's."""
        return f"{PUBLIC_HUB if self.local else self.endpoint}/{model}"

    def model(self, model: str, revision: str | None, token: str | None) -> ModelFacts:
        """Facts about the model, among them the commit of the revision and whether the model is gated."""
        path = f"/api/models/{model}" + (f"/revision/{quote(revision, safe='')}" if revision else "")
        found = self._read(f"{path}?blobs=true", model, revision, token)  # with the sizes of its files
        found = {"id": model, "sha": revision or "main", **{name: value for name, value in found.items() if value}}
        siblings = found.get("siblings") or []
        many = len(siblings) >= MANY_FILES
        return read_model(found, self._tree(found["id"], found["sha"], token) if many else read_siblings(siblings))

    def resolve_url(self, model: str, commit: str, name: str) -> str:
        """The address of a file at a commit; the Hub answers with the content, or sends on to where that lies."""
        return f"{self.endpoint}/{model}/resolve/{quote(commit, safe='')}/{quote(name)}"

    def _tree(self, model: str, commit: str, token: str | None) -> tuple[HubFile, ...]:
        """All files, page after page."""
        entries: list[dict[str, Any]] = []
        path = f"/api/models/{model}/tree/{quote(commit, safe='')}?recursive=true"
        for _ in range(PAGES):
            answer = self._ask(path, model, commit, token)
            entries += answer.json()
            following = NEXT.search(answer.headers.get("Link") or "")
            place = urljoin(self.endpoint + path, following[1]) if following else ""
            if not place.startswith(f"{self.endpoint}/"):  # none, or one of another host
                break
            path = place.removeprefix(self.endpoint)
        return read_tree(entries)

    def token(self, token: str) -> TokenFacts:
        """Ask the Hub whose token it is."""
        found = self._read("/api/whoami-v2", "", None, token)
        access = (found.get("auth") or {}).get("accessToken") or {}
        return TokenFacts(str(found.get("name", "")), str(access.get("role", "")))

    def check_access(self, model: str, token: str) -> None:
        """Raise an error if the token may not read the model's files; each cause has its own message."""
        self._ask(f"/api/models/{model}/auth-check", model, None, token)  # as HfApi.auth_check does

    def _read(self, path: str, model: str, revision: str | None, token: str | None) -> dict[str, Any]:
        """One document of the Hub."""
        found: dict[str, Any] = self._ask(path, model, revision, token).json()
        return found

    def _ask(self, path: str, model: str, revision: str | None, token: str | None) -> Answer:
        """The Hub's answer; the error that it means where it refuses."""
        url, headers = self.endpoint + path, {"User-Agent": "gatelift"}
        if token:
            _refuse_malformed(token)
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = self._web.read(url, headers=headers)
            for _ in range(REDIRECTS):  # a renamed model; the token is sent to no other host
                place = urljoin(url, answer.headers.get("Location") or "")
                if answer.status not in (301, 302, 307, 308) or not place.startswith(f"{self.endpoint}/"):
                    break
                url, answer = place, self._web.read(place, headers=headers)
        except Unreachable as error:
            raise self._unreachable(error) from None
        if answer.status != 200:
            code = answer.headers.get("X-Error-Code") or ""
            raise self._refusal(model, revision, token, _Refusal(answer.status, code, _said(answer)))
        return answer

    def _unreachable(self, error: Exception) -> NotReady:
        message = f"the Hub at {self.endpoint} does not answer: {error}"
        hint = "`gatelift emulator status`" if self.local else "check the network or HF_ENDPOINT"
        return NotReady(message, hint=hint, code="hub_unreachable")

    def _refusal(self, model: str, revision: str | None, token: str | None, refusal: _Refusal) -> GateliftError:
        """The error for a refusal; the Hub answers 401 also for a model that does not exist, so as not to reveal it."""
        if refusal.code == "GatedRepo" or (
            refusal.code == "" and refusal.status == 403
        ):  # fine-grained tokens come back without a code
            return self._gated(model, refusal.text, token)
        if refusal.code == "RevisionNotFound":
            message = f"{model} has no revision {revision!r} on the Hub"
            return NotFound(message, hint=f"see {self.page(model)}/commits/main", code="revision_not_found")
        if refusal.status in (400, 401) and token and (not model or "Invalid" in refusal.text):
            return self._invalid_token()
        if model and (refusal.code == "RepoNotFound" or refusal.status in (401, 404)):
            return self._no_such_model(model, token)
        return NotReady(
            f"the Hub answered {refusal.status} for {model or 'the token'}", hint="try again", code="hub_error"
        )

    def _gated(self, model: str, text: str, token: str | None) -> GateliftError:
        page = self.page(model)
        if not token:
            return AccessDenied(
                f"{model} is gated and needs a token", hint=self._how_to_get(page), code="token_missing"
            )
        if "awaiting" in text:
            message = f"the request for access to {model} is waiting for its authors"
            return AccessDenied(message, hint=f"they decide; see {page}", code="access_pending")
        if "rejected" in text:
            message = f"the authors of {model} rejected the request for access"
            return AccessDenied(message, hint=f"see {page}", code="access_rejected")
        if "fine-grained" in text:
            message = f"the fine-grained token may not read gated repositories such as {model}"
            hint = f"enable 'Read access to contents of all public gated repos you can access' at {TOKENS_PAGE}"
            return AccessDenied(message, hint=hint, code="token_scope")
        message = f"the token has no access to the gated model {model}"
        return AccessDenied(message, hint=f"request access at {page}, then run this again", code="access_not_requested")

    def _no_such_model(self, model: str, token: str | None) -> GateliftError:
        if token:
            hint = f"check the spelling; if it is private, the token must belong to a member: {self.page(model)}"
            return NotFound(
                f"{model} is not on the Hub, or the token may not see it", hint=hint, code="repository_not_found"
            )
        hint = f"check the spelling: {self.page(model)}; if it is private: {self._how_to_get(self.page(model))}"
        return NotFound(f"{model} is not on the Hub, or it is private", hint=hint, code="repository_not_found")

    def _invalid_token(self) -> GateliftError:
        hint = "`export HF_TOKEN=$(gatelift emulator token)`" if self.local else f"make a new one at {TOKENS_PAGE}"
        return AccessDenied("the Hub does not know this token, or it has expired", hint=hint, code="token_invalid")

    def _how_to_get(self, page: str) -> str:
        if self.local:
            return "`export HF_TOKEN=$(gatelift emulator token)`"
        return f"request access at {page}, make a read token at {TOKENS_PAGE}, then `export HF_TOKEN=…`"


def _said(answer: Answer) -> str:
    """What the Hub says about a refusal, in a header or in the body."""
    try:
        body = answer.json().get("error", "")
    except (ValueError, AttributeError):
        body = ""
    return f"{answer.headers.get('X-Error-Message') or ''} {body}"


def _refuse_malformed(token: str) -> None:
    """Raise `AccessDenied` for what no Hub can be asked about: it cannot even be sent as a header."""
    if fault := fault_of(token):
        raise AccessDenied(f"this is not a token: it {fault}", hint=ONE_LINE, code="token_form")
