"""What the Hub's refusals mean: one error, with a code of its own and a way out, for each cause."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from infra.errors import AccessDenied, GateliftError, NotFound, NotReady
from infra.http_client import Answer, Failing, Unreachable
from infra.hub.asking import origin
from infra.hub.demo_models import demo_model
from infra.hub.patience import asked_to_wait

PUBLIC_HUB = "https://huggingface.co"
TOKENS_PAGE = f"{PUBLIC_HUB}/settings/tokens"
LONGEST_WORDS = 400
NOT_CACHED = "hub_not_cached"
"""Error code of the emulated Hub while it can ask no other Hub: for what it has not kept, and for tokens of others."""
EMULATED = {"NotCached": NOT_CACHED, "CacheNotWritable": "cache_not_writable"}
"""Codes of the emulated Hub alone, with ours: its words are what is wrong, and after a semicolon the way out."""
LONGER = "GATELIFT_HUB_TIMEOUT=SECONDS lets gatelift wait longer"


class Question(Struct, frozen=True):
    """What was asked: of which Hub, about which model ("" about the token alone), with a token or without."""

    endpoint: str
    local: bool
    model: str = ""
    revision: str | None = None
    with_token: bool = False

    @property
    def page(self) -> str:
        """The address of the model's web page; the emulated Hub has none, so it is the public Hub's."""
        return f"{PUBLIC_HUB if self.local else self.endpoint}/{self.model}"

    @property
    def what(self) -> str:
        """What it is about, in words."""
        return self.model or "the token"

    @property
    def new_token(self) -> str:
        """How to get a token."""
        if self.local and (not self.model or demo_model(self.model)):
            return "`export HF_TOKEN=$(gatelift emulator token)`"
        return f"make a read token at {TOKENS_PAGE}, then `export HF_TOKEN=…`"

    @property
    def access(self) -> str:
        """How to get access to a gated model and a token; the emulated Hub has models of the real one, too."""
        real = f"request access at {self.page}, make a read token at {TOKENS_PAGE}, then `export HF_TOKEN=…`"
        if not self.local:
            return real
        own = "`export HF_TOKEN=$(gatelift emulator token)`"
        return own if demo_model(self.model) else f"{own} for a model of the emulator alone; for one of the Hub, {real}"


def refusal(question: Question, answer: Answer) -> GateliftError:
    """The error for an answer that is not the one hoped for."""
    if behind := answer.headers.get("X-Gatelift-Upstream"):  # the emulated Hub passes on what another one says
        question = replace(question, endpoint=behind, local=False)
    status, code, words = answer.status, answer.headers.get("X-Error-Code") or "", words_of(answer)
    if status == 407:
        return _proxy_refuses(question, "it wants a login (407)")
    if own := EMULATED.get(code):
        what, _, way = words.partition("; ")
        return NotReady(what, hint=way, code=own)
    if status in (408, 429) or status >= 500:
        return _not_now(question, answer)
    if not code and not words:
        return not_a_hub(question, f"status {status}")
    if code == "GatedRepo" or "fine-grained" in words or "gated" in words:  # the Hub sends no code for the latter
        return _gated(question, words)
    if code == "RevisionNotFound":
        message = f"{question.model} has no revision {question.revision!r} on the Hub"
        return NotFound(message, hint=f"see {question.page}/commits/main", code="revision_not_found")
    if code == "EntryNotFound":
        return NotFound(f"{question.model} lacks a file: {words}", hint=f"see {question.page}", code="file_not_found")
    if question.with_token and (status == 401 or (status == 400 and not question.model)):
        return _invalid_token(question)
    if question.model and (code == "RepoNotFound" or status in (401, 404)):
        return _no_such_model(question)
    if status == 403:
        hint = f"see {question.page}" if question.model else f"look at the token at {TOKENS_PAGE}"
        return AccessDenied(f"the Hub forbids {question.what} (403): {words}", hint=hint, code="hub_forbidden")
    return NotReady(f"the Hub answers {status} for {question.what}: {words}", hint="try again", code="hub_error")


def unreachable(question: Question, error: Unreachable) -> NotReady:
    """The error for no answer at all."""
    if error.url and origin(error.url) != origin(question.endpoint):
        return storage_fails(question, error.url, str(error))
    hub = f"the Hub at {question.endpoint}"
    if question.local:
        return NotReady(f"{hub} does not answer: {error}", hint="`gatelift emulator status`", code="hub_unreachable")
    if error.why is Failing.PROXY:
        return _proxy_refuses(question, str(error))
    if error.why is Failing.NAME:
        hint = "check the network, the spelling of HF_ENDPOINT, and whether a proxy is needed (HTTPS_PROXY)"
        return NotReady(f"nobody knows the name of {hub}: {error}", hint=hint, code="hub_unknown_host")
    if error.why is Failing.CERTIFICATE:
        hint = "behind a proxy that opens TLS, REQUESTS_CA_BUNDLE=FILE names the file of its certificates"
        return NotReady(f"the certificate of {hub} is not trusted: {error}", hint=hint, code="hub_certificate")
    if error.why is Failing.CUT:
        message = f"{hub} ended the connection before its answer was whole: {error}"
        return NotReady(message, hint="try again; if it goes on, look at the proxies in between", code="hub_cut")
    hint = "check the network, HF_ENDPOINT and the proxy; https://status.huggingface.co tells whether the Hub is down"
    return NotReady(f"{hub} does not answer: {error}", hint=hint, code="hub_unreachable")


def not_a_hub(question: Question, what: str) -> NotReady:
    """The error for an answer that no Hub gives, such as the page of a hotel's network."""
    message = f"what answers at {question.endpoint} is not a Hub: it sent {what}"
    hint = "is a login page or a proxy in between? open the address in a browser; check HF_ENDPOINT"
    return NotReady(message, hint=hint, code="hub_not_a_hub")


def storage_fails(question: Question, url: str, why: str) -> NotReady:
    """The error where the Hub answers and the host to which it sends on does not."""
    host = urlsplit(url).hostname
    message = f"the Hub has files of {question.model} sent from {host}, and that fails: {why}"
    hint = f"let {host} through the firewall and the proxy: containers download from it, too"
    return NotReady(message, hint=hint, code="hub_storage")


def words_of(answer: Answer) -> str:
    """What the Hub says about a refusal, in a header or in the body, on one line."""
    try:
        body = json.loads(answer.content).get("error", "")
    except (ValueError, AttributeError):
        body = ""
    said = body.get("message", "") if isinstance(body, dict) else body  # as a fault rule of the emulator has it
    header = answer.headers.get("X-Error-Message") or ""
    return " ".join((header or str(said)).split())[:LONGEST_WORDS]


def _not_now(question: Question, answer: Answer) -> NotReady:
    """The error where trying again later helps."""
    seconds = asked_to_wait(answer, datetime.now(UTC))
    when = f"in {seconds:.0f} s" if seconds else "in a few minutes"
    if answer.status == 429:
        message = f"the Hub has had too many requests from here (429) and does not answer about {question.what}"
        return NotReady(message, hint=f"run this again {when}; {LONGER}", code="hub_throttled")
    hint = f"run this again {when}; https://status.huggingface.co tells what is wrong; {LONGER}"
    if question.local:
        hint = "`gatelift emulator status`, and `gatelift emulator fault list`"
    words = words_of(answer) if question.local else ""  # the emulated Hub says what is wrong with the one behind it
    said = f": {words}" if words else ""
    return NotReady(f"the Hub answers {answer.status} for {question.what}{said}", hint=hint, code="hub_error")


def _proxy_refuses(question: Question, why: str) -> NotReady:
    hint = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, and whether the proxy lets this host through"
    return NotReady(f"the proxy does not lead to the Hub at {question.endpoint}: {why}", hint=hint, code="hub_proxy")


def _gated(question: Question, words: str) -> GateliftError:
    model, page = question.model, question.page
    if not question.with_token:
        return AccessDenied(f"{model} is gated and needs a token", hint=question.access, code="token_missing")
    if "awaiting" in words:
        message = f"the request for access to {model} is waiting for its authors"
        return AccessDenied(message, hint=f"they decide; see {page}", code="access_pending")
    if "rejected" in words:
        message = f"the authors of {model} rejected the request for access"
        return AccessDenied(message, hint=f"see {page}", code="access_rejected")
    if "fine-grained" in words:
        message = f"the fine-grained token may not read gated repositories such as {model}"
        hint = f"enable 'Read access to contents of all public gated repos you can access' at {TOKENS_PAGE}"
        return AccessDenied(message, hint=hint, code="token_scope")
    message = f"the token has no access to the gated model {model}"
    return AccessDenied(message, hint=f"request access at {page}, then run this again", code="access_not_requested")


def _no_such_model(question: Question) -> GateliftError:
    model, page = question.model, question.page
    if question.with_token:
        message = f"{model} is not on the Hub, or the token may not see it"
        hint = f"check the spelling; if it is private, the token must belong to a member: {page}"
        return NotFound(message, hint=hint, code="repository_not_found")
    hint = f"check the spelling: {page}; if it is private: {question.access}"
    return NotFound(f"{model} is not on the Hub, or it is private", hint=hint, code="repository_not_found")


def _invalid_token(question: Question) -> GateliftError:
    hint = question.new_token if question.local else f"make a new one at {TOKENS_PAGE}"
    return AccessDenied("the Hub does not know this token, or it has expired", hint=hint, code="token_invalid")
