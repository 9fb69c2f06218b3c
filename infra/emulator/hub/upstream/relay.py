"""Answers of the upstream Hub as they are passed on: same status, code and words; nothing that leads past us."""

import json
import re
from contextlib import suppress
from typing import Any

from starlette.responses import Response

from infra.addresses import target_at
from infra.emulator.hub.upstream.cache_folder import COMMIT
from infra.emulator.hub.upstream.client import Answer, Unreachable

# Why a request was refused, when to come back, and what the answer is about; addresses of xet are not among them.
PASSED = (
    *("content-type", "etag", "link", "retry-after", "ratelimit", "ratelimit-policy", "www-authenticate"),
    *("x-error-code", "x-error-message", "x-repo-commit", "x-request-id", "x-total-count"),
)
XET = "xetHash"
UPSTREAM = "x-gatelift-upstream"  # says which Hub has answered: what its refusals want is to be had there
ADDRESS = re.compile(r"<([^>]*)>")
INVALID = "Invalid credentials in Authorization header"


def relayed(answer: Answer, endpoint: str, own: str) -> Response:
    """The answer for our client: links within the Hub lead through us, large files are not offered over xet."""
    headers = {name: answer.headers[name] for name in PASSED if name in answer.headers}
    if "link" in headers:
        headers["link"] = ADDRESS.sub(lambda found: f"<{own}{target_at(endpoint, found[1])}>", headers["link"])
    if answer.status == 401 and "x-error-code" not in headers and headers.get("x-error-message") != INVALID:
        headers["x-error-code"] = "RepoNotFound"  # huggingface_hub infers it from an https address, and ours is http
    return Response(without_xet(answer.content), answer.status, headers | {UPSTREAM: endpoint})


def document(answer: Answer) -> Any:
    """The JSON document of an answer; `Unreachable` where something else than a Hub answered."""
    try:
        return json.loads(answer.content)
    except ValueError:
        kind = answer.headers.get("content-type", "nothing").partition(";")[0]
        raise Unreachable(f"it answered {answer.status} with {kind}, as no Hub does") from None


def commit_in(content: bytes | memoryview) -> str:
    """The commit in the Hub's document on a model; empty where there is none."""
    with suppress(ValueError, AttributeError):
        commit = str(json.loads(bytes(content)).get("sha"))
        return commit if COMMIT.fullmatch(commit) else ""
    return ""


def without_xet(content: bytes) -> bytes:
    """A JSON document without the hashes for which clients would go to the xet storage; other content as it is."""
    if f'"{XET}"'.encode() not in content:
        return content
    try:
        return json.dumps(_pruned(json.loads(content))).encode()
    except ValueError:
        return content


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(each) for key, each in value.items() if key != XET}
    return [_pruned(each) for each in value] if isinstance(value, list) else value
