"""A client of Azure Resource Manager without an SDK: JSON in, JSON out, errors as `GateliftError`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from infra.azure.arrivals import WORKING, arrived_at, running_operation
from infra.azure.azure_clouds import PUBLIC
from infra.azure.diagnosis.errors import read_error
from infra.azure.login import Credential
from infra.azure.session import LONGEST_PAUSE, ArmSession, retry_after
from infra.errors import AccessDenied, GateliftError, NotFound, NotReady, OperationFailed, Refused
from infra.http_client import Answer, Web
from infra.redaction import SEEN
from infra.timeouts import Timeouts

API_VERSION = "2024-04-01"  # the newest stable version that has every operation used here
FAILED_STATES = ("failed", "canceled")
DEFAULT_PAUSE = 2.0
LOGIN_AGAIN = "run `az login` again; with `--local`, run `gatelift emulator stop`, then the command again"


class Operation(Struct, frozen=True):
    """A long-running operation, polled at its own `url` if the service gave one, else by its resource's state."""

    resource_id: str
    url: str = ""
    deleting: bool = False
    earlier: bool = False
    """Whether an earlier run started it; then it is no error if it failed."""


class Progress(Struct, frozen=True):
    """The state of an operation: `pause` is the seconds until the next poll, `error` is set if the operation failed."""

    done: bool
    pause: float = DEFAULT_PAUSE
    error: GateliftError | None = None


class Arm:
    """A client of one Resource Manager endpoint; safe to use from many threads.

    Every method raises a `GateliftError` for an error answer (see `refusal`), and for no answer at all.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        scope: str = PUBLIC.management_scope,
        ca_bundle: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.credential = credential
        self.scope = scope
        self.timeouts = timeouts or Timeouts()
        self.ca_bundle = ca_bundle
        web = Web(ca_bundle=ca_bundle, connect=self.timeouts.connect, read=self.timeouts.request)
        self._session = ArmSession(web, credential, scope, longest=self.timeouts.operation)
        self._count = 0
        self._lock = threading.Lock()

    @property
    def requests_sent(self) -> int:
        """How many requests were sent, for benchmarks and tests."""
        return self._count

    def serves(self, url: str) -> bool:
        """Whether a URL belongs to this Resource Manager; the credential is sent to no other host."""
        return _origin(url) == _origin(self.base_url)

    def get(self, id: str, *, api_version: str = API_VERSION) -> dict[str, Any] | None:
        """The resource, or None where it does not exist."""
        response = self._send("GET", id, api_version)
        if response.status == 404:
            error = read_error(response.text())
            if error.code in ("ResourceGroupNotFound", "SubscriptionNotFound"):
                raise self._refusal(response)
            return None
        return self._json(response)

    def list(self, id: str, *, api_version: str = API_VERSION, query: Mapping[str, str] | None = None) -> list[Any]:
        """Every item of a collection, from all its pages; empty where the parent does not exist."""
        items: list[Any] = []
        response = self._send("GET", id, api_version, query=query)
        while response.status != 404:
            page = self._json(response)
            items += page.get("value", [])
            if not page.get("nextLink"):
                break
            response = self._send("GET", page["nextLink"], None)
        return items

    def post(self, id: str, body: Any = None, *, api_version: str = API_VERSION) -> dict[str, Any]:
        """Run an action such as `…/listKeys`; returns its answer."""
        return self._json(self._send("POST", id, api_version, body={} if body is None else body))

    def put(self, id: str, body: Any, *, api_version: str = API_VERSION) -> dict[str, Any]:
        """Create or replace a resource whose PUT is synchronous."""
        return self._json(self._send("PUT", id, api_version, body=body))

    def delete(self, id: str, *, api_version: str = API_VERSION) -> None:
        """Delete a resource whose DELETE is synchronous; it need not exist."""
        self._checked(self._send("DELETE", id, api_version), also=(404,))

    def begin_patch(self, id: str, body: Any, *, api_version: str = API_VERSION) -> Operation:
        """Start to change some fields of a resource; the operation may already be finished."""
        return self._begin("PATCH", id, body, api_version)

    def begin_put(self, id: str, body: Any, *, api_version: str = API_VERSION) -> Operation:
        """Start to create or replace a resource; the operation may already be finished."""
        return self._begin("PUT", id, body, api_version)

    def begin_delete(self, id: str, *, api_version: str = API_VERSION) -> Operation | None:
        """Start to delete a resource; None where it is deleted already or did not exist."""
        response = self._checked(self._send("DELETE", id, api_version), also=(404,))
        return None if response.status in (200, 204, 404) else self._operation(id, response, deleting=True)

    def poll(self, operation: Operation) -> Progress:
        """Ask once for the state of an operation."""
        if operation.url:
            response = self._send("GET", operation.url, None)
            if response.status != 404:  # Azure forgets operations after a while; then the resource's state is asked for
                return self._progress(response)
        document = self.get(operation.resource_id)
        if document is None:
            return Progress(done=True)
        state = str(document.get("properties", {}).get("provisioningState", "Succeeded"))
        error = None
        if state.lower() in FAILED_STATES and not (operation.earlier or operation.deleting):
            message = f"{document.get('name')} ended as {state}; Azure no longer has the operation that would say why"
            error = failure({"error": {"code": "", "message": message}})
        return Progress(done=state not in WORKING, error=error)

    def _progress(self, response: Answer) -> Progress:
        self._checked(response)
        pause = retry_after(response) or DEFAULT_PAUSE
        if response.status == 202 and not response.text():
            return Progress(done=False, pause=pause)
        body = response.json() if response.text() else {}
        status = str(body.get("status") or body.get("properties", {}).get("provisioningState") or "Succeeded")
        if status.lower() in FAILED_STATES:
            return Progress(done=True, error=failure(body, request_id=_request_id(response)))
        return Progress(done=status.lower() == "succeeded", pause=pause)

    def _begin(self, method: str, id: str, body: Any, api_version: str) -> Operation:
        """Start an operation; where the answer is lost but the resource has become what was sent, go on from there."""

        def find() -> Answer | None:
            try:
                found = self._send("GET", id, api_version)
                arrived = found.status == 200 and arrived_at(found.json(), body)
            except NotReady:
                return None
            return found if arrived else None

        url = self._url(id, {"api-version": api_version})
        return self._operation(id, self._checked(self._session.send(method, url, body, find)))

    def _send(
        self, method: str, id: str, api_version: str | None, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        params = {**(query or {}), **({"api-version": api_version} if api_version else {})}
        return self._session.send(method, self._url(id, params), body)

    def _url(self, id: str, params: Mapping[str, str]) -> str:
        """The URL of a request, which is counted; `Refused` for an address of another host."""
        url = id if id.startswith("https://") else self.base_url + id
        if not self.serves(url):
            hint = "resource ids begin with `/subscriptions/`: correct the id in the spec"
            raise Refused(f"{id[:200]} is not at {self.base_url}: no request sent", hint=hint, code="foreign_address")
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        with self._lock:
            self._count += 1
        return url

    def _checked(self, response: Answer, also: tuple[int, ...] = ()) -> Answer:
        if response.status >= 400 and response.status not in also:
            raise self._refusal(response)
        return response

    def _json(self, response: Answer) -> dict[str, Any]:
        self._checked(response)
        body = response.json() if response.text() else {}
        SEEN.learn_document(body)
        return body if isinstance(body, dict) else {"value": body}

    def _operation(self, id: str, response: Answer, *, deleting: bool = False) -> Operation:
        """The operation that an answer names, or the resource that it shows; a URL at another host is not used."""
        url = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location") or ""
        if not url and response.status == 200 and not deleting:
            url = running_operation(response.json())
        return Operation(id, url if self.serves(url) else "", deleting)

    def tell_of_waits(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called with one line of text whenever Azure asks to wait."""
        self._session.tell = tell

    def _refusal(self, response: Answer) -> GateliftError:
        error = refusal(response.status, response.text(), request_id=_request_id(response))
        if (wait := retry_after(response)) > LONGEST_PAUSE:
            error.hint = f"run the command again in {wait:.0f} s, the time that Azure asks to wait"
        return error


def refusal(status: int, body: str, *, request_id: str = "") -> GateliftError:
    """The `GateliftError` for an error answer of Azure: its class follows from the status, its code from the body."""
    found = read_error(body, fallback=f"Azure answered {status}")
    kind: type[GateliftError] = Refused
    if status in (401, 403):
        kind = AccessDenied
    elif status == 404:
        kind = NotFound
    elif status == 429 or status >= 500:
        kind = NotReady
    code = found.code or f"http_{status}"
    hint = found.hint if found.cause else "; ".join(filter(None, (_status_hint(status), found.hint)))
    return kind(found.message, hint=hint, code=code, cause=found.cause, request_id=request_id)


def _status_hint(status: int) -> str:
    """The hint for an answer of which only the status is known."""
    if status == 401:
        return LOGIN_AGAIN
    if status == 429 or status >= 500:
        return "run the command again in a minute: it continues where this one ended"
    return "`gatelift doctor` checks the login, your permissions and the names in the spec"


def failure(body: Mapping[str, Any], *, request_id: str = "") -> GateliftError:
    """The `OperationFailed` for an operation that ended as Failed or Canceled; `body` is the operation's document."""
    found = read_error(body.get("error") or {"code": "", "message": "the operation failed, and Azure gave no reason"})
    return OperationFailed(found.message, hint=found.hint, code=found.code, cause=found.cause, request_id=request_id)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # the port is not a number
        return parts.scheme, None, None


def _request_id(response: Any) -> str:
    headers = getattr(response, "headers", None) or {}
    return str(headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "")
