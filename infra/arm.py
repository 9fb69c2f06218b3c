"""Raw Azure Resource Manager: JSON in, JSON out, typed errors; the home of azure.mgmt and of Azure's error types."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from azure.core import exceptions as azure_errors
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from infra.azure_login import Credential
from infra.diagnosis import read_error
from infra.errors import AccessDenied, GateliftError, NotFound, NotReady, OperationFailed, Refused

API_VERSION = "2024-04-01"  # the newest stable version that every route we use has
WORKING = {"Creating", "Updating", "Deleting", "Scaling", "Accepted", "InProgress", "Running"}
DEFAULT_PAUSE = 2.0
SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True)
class Operation:
    """A long-running operation: by its own URL where the service gave one, else by its resource's state."""

    resource_id: str
    url: str = ""
    deleting: bool = False


@dataclass(frozen=True)
class Progress:
    """Where an operation stands: `error` is set when it ended badly."""

    done: bool
    pause: float = DEFAULT_PAUSE
    error: GateliftError | None = None


class RenewingTransport(RequestsTransport):  # type: ignore[misc]  # azure.core exports it lazily
    """Sends a request once more, with a new token, where the service says that the present one is over.

    A transport and no policy, because the SDK's clients share the one and would each need their own of the other.
    """

    def __init__(self, credential: Credential, **settings: Any) -> None:
        super().__init__(**settings)
        self._credential = credential

    def send(self, request: Any, **settings: Any) -> Any:
        """The answer, or the second one."""
        response = super().send(request, **settings)
        sent = request.headers.get("Authorization", "")
        if response.status_code != 401 or not sent.startswith("Bearer ") or not hasattr(self._credential, "forget"):
            return response
        if sent == f"Bearer {self._credential.get_token(SCOPE).token}":
            self._credential.forget()
        request.headers["Authorization"] = f"Bearer {self._credential.get_token(SCOPE).token}"
        return super().send(request, **settings)


class Arm:
    """One client for a management endpoint; safe to use from many threads."""

    def __init__(
        self, base_url: str, credential: Credential, *, ca_bundle: str | None = None, retries: int = 4
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.credential = credential
        verify = {"connection_verify": ca_bundle} if ca_bundle else {}
        self.transport = RenewingTransport(credential, **verify)
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            base_url=self.base_url,
            transport=self.transport,
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="gatelift"),
                policies.RetryPolicy(retry_total=retries, retry_backoff_factor=0.4),
                ARMChallengeAuthenticationPolicy(credential, SCOPE),
                policies.ContentDecodePolicy(),
            ],
        )
        self._count = 0
        self._lock = threading.Lock()

    @property
    def requests_sent(self) -> int:
        """How many requests went out, for benchmarks and tests."""
        return self._count

    def get(self, id: str, *, api_version: str = API_VERSION) -> dict[str, Any] | None:
        """The resource, or None where there is none."""
        response = self._send("GET", id, api_version)
        if response.status_code == 404:
            error = read_error(response.text())
            if error.code in ("ResourceGroupNotFound", "SubscriptionNotFound"):
                raise self._refusal(response)
            return None
        return self._json(response)

    def list(self, id: str, *, api_version: str = API_VERSION, query: Mapping[str, str] | None = None) -> list[Any]:
        """Every item of a collection, page by page; none where the parent is missing."""
        found: list[Any] = []
        response = self._send("GET", id, api_version, query=query)
        while response.status_code != 404:
            page = self._json(response)
            found += page.get("value", [])
            if not page.get("nextLink"):
                break
            response = self._send("GET", page["nextLink"], None)
        return found

    def post(self, id: str, body: Any = None, *, api_version: str = API_VERSION) -> dict[str, Any]:
        """Run an action, such as `…/listKeys`."""
        return self._json(self._send("POST", id, api_version, body={} if body is None else body))

    def put(self, id: str, body: Any, *, api_version: str = API_VERSION) -> dict[str, Any]:
        """Create or replace a resource whose PUT is synchronous."""
        return self._json(self._send("PUT", id, api_version, body=body))

    def delete(self, id: str, *, api_version: str = API_VERSION) -> None:
        """Delete a resource that goes at once; absent is fine."""
        self._checked(self._send("DELETE", id, api_version), also=(404,))

    def begin_patch(self, id: str, body: Any, *, api_version: str = API_VERSION) -> Operation:
        """Change some fields; the operation may be over at once."""
        return _operation(id, self._checked(self._send("PATCH", id, api_version, body=body)))

    def begin_delete(self, id: str, *, api_version: str = API_VERSION) -> Operation | None:
        """Delete a resource; None when it is gone at once or was not there."""
        response = self._checked(self._send("DELETE", id, api_version), also=(404,))
        return None if response.status_code in (200, 204, 404) else _operation(id, response, deleting=True)

    def poll(self, operation: Operation) -> Progress:
        """Ask once how far an operation is."""
        if operation.url:
            response = self._send("GET", operation.url, None)
            if response.status_code != 404:  # Azure forgets operations after a while; the resource still tells
                return self._progress(response)
        document = self.get(operation.resource_id)
        if document is None:
            return Progress(done=True)
        state = str(document.get("properties", {}).get("provisioningState", "Succeeded"))
        return Progress(done=state not in WORKING)

    def _progress(self, response: HttpResponse) -> Progress:
        self._checked(response)
        pause = _retry_after(response)
        if response.status_code == 202 and not response.text():
            return Progress(done=False, pause=pause)
        body = response.json() if response.text() else {}
        status = str(body.get("status") or body.get("properties", {}).get("provisioningState") or "Succeeded")
        if status.lower() in ("failed", "canceled"):
            return Progress(done=True, error=failure(body, request_id=_request_id(response)))
        return Progress(done=status.lower() == "succeeded", pause=pause)

    def _send(
        self, method: str, id: str, api_version: str | None, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> HttpResponse:
        url = id if id.startswith("https://") else self.base_url + id
        params = {**(query or {}), **({"api-version": api_version} if api_version else {})}
        request = HttpRequest(method, url, params=params, json=body)
        with self._lock:
            self._count += 1
        with as_gatelift_errors(f"{method} {url.split('?')[0]}"):
            return self._client.send_request(request)

    def _checked(self, response: HttpResponse, also: tuple[int, ...] = ()) -> HttpResponse:
        if response.status_code >= 400 and response.status_code not in also:
            raise self._refusal(response)
        return response

    def _json(self, response: HttpResponse) -> dict[str, Any]:
        self._checked(response)
        body = response.json() if response.text() else {}
        return body if isinstance(body, dict) else {"value": body}

    def _refusal(self, response: HttpResponse) -> GateliftError:
        return refusal(response.status_code, response.text(), request_id=_request_id(response))


def refusal(status: int, body: str, *, request_id: str = "") -> GateliftError:
    """The error of ours for an error answer of Azure."""
    found = read_error(body, fallback=f"Azure answered {status}")
    kind: type[GateliftError] = Refused
    if status in (401, 403):
        kind = AccessDenied
    elif status == 404:
        kind = NotFound
    elif status == 429 or status >= 500:
        kind = NotReady
    code = found.code or f"http_{status}"
    return kind(found.message, hint=found.hint, code=code, cause=found.cause, request_id=request_id)


def failure(body: Mapping[str, Any], *, request_id: str = "") -> GateliftError:
    """The error of ours for an operation that ended in Failed or Canceled."""
    found = read_error(body.get("error") or {"code": "", "message": "the operation failed without a reason"})
    return OperationFailed(found.message, hint=found.hint, code=found.code, cause=found.cause, request_id=request_id)


@contextmanager
def as_gatelift_errors(what: str) -> Iterator[None]:
    """Turn what Azure's packages raise into errors of ours, with the way out."""
    try:
        yield
    except azure_errors.ClientAuthenticationError as error:
        raise AccessDenied(f"{what}: {_said(error)}", hint="`az login` again", code="not_authenticated") from None
    except azure_errors.HttpResponseError as error:
        raise _from_response(error) from None
    except (azure_errors.ServiceRequestError, azure_errors.ServiceResponseError) as error:
        hint = "check the network; with --local: `gatelift emulator status`"
        raise NotReady(f"{what}: no answer: {_said(error)}", hint=hint, code="no_connection") from None
    except azure_errors.AzureError as error:
        raise Refused(f"{what}: {_said(error)}", code=type(error).__name__) from None


def _from_response(error: azure_errors.HttpResponseError) -> GateliftError:
    response = error.response
    status = getattr(response, "status_code", None) or 0
    if response is None or status < 400:  # an operation that failed: the poll itself was a 200
        model = error.error
        details = [{"code": d.code, "message": d.message} for d in (getattr(model, "details", None) or [])]
        body = {
            "code": getattr(model, "code", ""),
            "message": getattr(model, "message", _said(error)),
            "details": details,
        }
        return failure({"error": body}, request_id=_request_id(response))
    return refusal(status, response.text(), request_id=_request_id(response))


def _operation(id: str, response: HttpResponse, *, deleting: bool = False) -> Operation:
    url = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location") or ""
    return Operation(id, url, deleting)


def _request_id(response: Any) -> str:
    headers = getattr(response, "headers", None) or {}
    return str(headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "")


def _retry_after(response: HttpResponse) -> float:
    for name, scale in (("retry-after-ms", 1000), ("x-ms-retry-after-ms", 1000), ("retry-after", 1)):
        value = response.headers.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value) / scale
    return DEFAULT_PAUSE


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
