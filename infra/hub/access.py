"""What the Hugging Face Hub says about a model and a token.

A few documents of its API are read over plain HTTP: to import huggingface_hub takes longer than a whole `plan`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from infra.addresses import target_at
from infra.clock import Clock
from infra.errors import AccessDenied, NotReady
from infra.http_client import Answer, Unreachable
from infra.hub.asking import Asker, origin
from infra.hub.facts import HubFile, ModelFacts, TokenFacts, read_model, read_siblings, read_tree
from infra.hub.refusals import PUBLIC_HUB, Question, not_a_hub, refusal, storage_fails, unreachable
from infra.hub.token_form import ONE_LINE, fault_of
from infra.timeouts import Timeouts

MANY_FILES = 1000  # from here on the Hub's documents about models may leave files out
PAGES = 1000
ONLINE = "`unset HF_HUB_OFFLINE TRANSFORMERS_OFFLINE` has it asked"
LARGEST, LONGEST_REFUSAL = 100_000_000, 4_096  # bytes of a file that is read, and of one that is only tried
NEXT = re.compile(r'<([^>]*)>;\s*rel="?next"?')
BEHIND_THE_END = 416  # of a range of which the file has nothing
HIDDEN_MODEL = (401, 404)  # of a model that does not exist and of one that is private, so as not to reveal it


class Hub:
    """A Hugging Face Hub, asked with a token only where it does not answer without."""

    def __init__(
        self,
        endpoint: str = PUBLIC_HUB,
        *,
        local: bool = False,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
        offline: bool = False,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.local = local
        self.offline = offline
        """Whether it may not be asked."""
        self._asker = Asker(self.endpoint, timeouts or Timeouts(), clock)

    def say(self, text: str) -> None:
        """Show a line to the person who runs the command, as `tell_of_waits` has it."""
        self._asker.tell(text)

    def tell_of_waits(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called with one line of text whenever the Hub asks to wait, or is down."""
        self._asker.tell_to(tell)

    def page(self, model: str) -> str:
        """The address of the model's web page; the emulated Hub has none, so it is the public Hub's."""
        return self._question(model).page

    def how_to_get(self, model: str) -> str:
        """How to get a token that opens a model, as a hint."""
        return self._question(model).access

    def resolve_url(self, model: str, commit: str, name: str) -> str:
        """The address of a file at a commit; the Hub answers with the content, or sends on to where that lies."""
        return f"{self.endpoint}/{model}/resolve/{quote(commit, safe='')}/{quote(name)}"

    def model(self, model: str, revision: str | None, token: str | None) -> ModelFacts:
        """Facts about the model, among them the commit of the revision, whether it is gated, and its files.

        The token is sent only for a model that is gated, whose hashes are told to nobody else, or private.
        """
        anonymous, with_token = self._question(model, revision), self._question(model, revision, token)
        answer = self._answer(_info_path(model, revision), None)
        if answer.status not in HIDDEN_MODEL or not token:
            facts = self._facts(anonymous, answer, None)
            self._tell_of_name(model, facts)
            if not (token and facts.gated and any(not (file.sha256 or file.git_oid) for file in facts.files)):
                return facts
        return self._facts(with_token, self._answer(_info_path(model, revision), token), token)

    def token(self, token: str) -> TokenFacts:
        """Ask the Hub whose token it is."""
        question = self._question("", None, token)
        found = _object(question, self._checked(question, self._answer("/api/whoami-v2", token)))
        access = (found.get("auth") or {}).get("accessToken") or {}
        return TokenFacts(str(found.get("name", "")), str(access.get("role", "")))

    def check_access(self, model: str, token: str) -> None:
        """Raise an error if the token may not read the model's files; each cause has its own message."""
        question = self._question(model, None, token)
        self._checked(question, self._answer(f"/api/models/{model}/auth-check", token))  # as HfApi.auth_check does

    def read_file(self, model: ModelFacts, name: str, token: str | None) -> bytes:
        """The content of a small file, such as a list of shards."""
        return self._file(model, name, token, {}, LARGEST)

    def read_range(self, model: ModelFacts, name: str, span: tuple[int, int], token: str | None) -> bytes:
        """A part of a file, from wherever the Hub sends it: `span` is its first byte and how many there are."""
        first, count = span
        headers = {"Range": f"bytes={first}-{first + count - 1}"}
        content = self._file(model, name, token, headers, first + count)  # empty behind the file's end
        return content if len(content) <= count else content[first:]  # a place that answers with the whole file

    def try_file(self, model: ModelFacts, name: str, token: str | None) -> None:
        """Ask for a byte of a file, from wherever the Hub sends it; raises an error where that fails."""
        self._file(model, name, token, {"Range": "bytes=0-0"}, LONGEST_REFUSAL)

    def _file(self, model: ModelFacts, name: str, token: str | None, headers: Mapping[str, str], at_most: int) -> bytes:
        question = self._question(model.id, model.revision, token)
        url = self.resolve_url(model.id, model.revision, name)
        answer, place = self._get(question, url, token, headers, at_most)
        if answer.status in (200, 206):
            return answer.content
        if answer.status == BEHIND_THE_END and "Range" in headers:
            return b""
        if origin(place) != origin(self.endpoint) or "/resolve/" not in place:
            raise storage_fails(question, place, f"it answers {answer.status}")
        raise refusal(question, answer)

    def _tell_of_name(self, model: str, facts: ModelFacts) -> None:
        if facts.id.lower() != model.lower():
            self.say(f"{model} is called {facts.id} on the Hub now")

    def _facts(self, question: Question, answer: Answer, token: str | None) -> ModelFacts:
        found = {name: value for name, value in _object(question, self._checked(question, answer)).items() if value}
        found = {"id": question.model, "sha": question.revision or "main", **found}
        siblings = found.get("siblings") or []
        many = len(siblings) >= MANY_FILES
        return read_model(found, self._tree(question, found, token) if many else read_siblings(siblings))

    def _tree(self, question: Question, found: dict[str, Any], token: str | None) -> tuple[HubFile, ...]:
        """All files, page after page."""
        entries: list[dict[str, Any]] = []
        path = f"/api/models/{found['id']}/tree/{quote(found['sha'], safe='')}?recursive=true"
        for _ in range(PAGES):
            answer = self._checked(question, self._answer(path, token))
            entries += _document(question, answer)
            following = NEXT.search(answer.headers.get("Link") or "")
            if not following:
                break
            path = target_at(self.endpoint, following[1])  # asked of this Hub, also where a mirror links to another
        return read_tree(entries)

    def _answer(self, path: str, token: str | None) -> Answer:
        """The Hub's answer, whatever it is."""
        return self._get(self._question(""), self.endpoint + path, token)[0]

    def _get(
        self,
        question: Question,
        url: str,
        token: str | None,
        headers: Mapping[str, str] | None = None,
        at_most: int | None = None,
    ) -> tuple[Answer, str]:
        """An answer and where it came from; raises an error where there is none, or may not be."""
        if token:
            _refuse_malformed(token)
        if self.offline:
            raise NotReady("HF_HUB_OFFLINE is set, so the Hub is not asked", hint=ONLINE, code="hub_offline")
        try:
            return self._asker.get(url, token, headers=headers, at_most=at_most)
        except Unreachable as error:
            raise unreachable(question, error) from None

    def _checked(self, question: Question, answer: Answer) -> Answer:
        """The answer; raises the error that it means where the Hub refuses, or where it is no Hub's."""
        if answer.status != 200:
            raise refusal(question, answer)
        if "html" in (answer.headers.get("Content-Type") or "").lower():
            raise not_a_hub(question, "a web page")
        return answer

    def _question(self, model: str, revision: str | None = None, token: str | None = None) -> Question:
        return Question(self.endpoint, self.local, model, revision, bool(token))


def _info_path(model: str, revision: str | None) -> str:
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    return f"/api/models/{model}{at}?blobs=true"  # with the sizes of its files


def _document(question: Question, answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise not_a_hub(question, "something that is no JSON document") from None


def _object(question: Question, answer: Answer) -> dict[str, Any]:
    found = _document(question, answer)
    if not isinstance(found, dict):
        raise not_a_hub(question, "another document than was asked for")
    return found


def _refuse_malformed(token: str) -> None:
    """Raise `AccessDenied` for what no Hub can be asked about: it cannot even be sent as a header."""
    if fault := fault_of(token):
        message = f"what was given as the token (HF_TOKEN) is not one: it {fault}"
        raise AccessDenied(message, hint=ONE_LINE, code="token_form")
