"""The transport that all clients of Azure's packages share, and their errors as `GateliftError`s."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core import exceptions as azure_errors
from azure.core.pipeline.transport import RequestsTransport

from infra.azure.arm import LOGIN_AGAIN, failure, refusal
from infra.azure.login import Credential
from infra.azure.session import LONGEST_PAUSE, PAUSE_HEADERS, retry_after
from infra.errors import AccessDenied, GateliftError, NotReady, Refused


class RenewingTransport(RequestsTransport):  # type: ignore[misc]  # azure.core exports it lazily
    """Sends a request a second time with a new access token where the service answers 401.

    This is a transport and not a pipeline policy, because all of the SDK's clients share one transport, while each of
    them would need a policy of its own.
    """

    def __init__(self, credential: Credential, scope: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._credential = credential
        self._scope = scope

    def send(self, request: Any, **settings: Any) -> Any:
        """Send the request, a second time if needed; returns the last answer."""
        response = super().send(request, **settings)
        if response.status_code >= 400 and retry_after(response) > LONGEST_PAUSE:
            for name in PAUSE_HEADERS:  # else the SDK would sleep for that long without telling anybody
                response.headers.pop(name, None)
        sent = request.headers.get("Authorization", "")
        if response.status_code != 401 or not sent.startswith("Bearer ") or not hasattr(self._credential, "forget"):
            return response
        if sent == f"Bearer {self._credential.get_token(self._scope).token}":
            self._credential.forget()
        request.headers["Authorization"] = f"Bearer {self._credential.get_token(self._scope).token}"
        return super().send(request, **settings)


@contextmanager
def as_gatelift_errors(what: str) -> Iterator[None]:
    """Turn the errors of Azure's packages into `GateliftError`s with a hint; `what` begins their messages."""
    try:
        yield
    except azure_errors.ClientAuthenticationError as error:
        if getattr(error, "error_code", None):
            raise _from_storage(what, error) from None
        raise AccessDenied(f"{what}: {_first_line(error)}", hint=LOGIN_AGAIN, code="not_authenticated") from None
    except azure_errors.HttpResponseError as error:
        raise (_from_storage(what, error) if getattr(error, "error_code", None) else _from_response(error)) from None
    except (azure_errors.ServiceRequestError, azure_errors.ServiceResponseError) as error:
        hint = "check the network; with `--local`, check `gatelift emulator status`"
        raise NotReady(f"{what}: no answer: {_first_line(error)}", hint=hint, code="no_connection") from None
    except azure_errors.AzureError as error:
        hint = "`gatelift doctor` checks the login, your permissions and the names in the spec"
        raise Refused(f"{what}: {_first_line(error)}", hint=hint, code=type(error).__name__) from None


def _from_storage(what: str, error: azure_errors.HttpResponseError) -> GateliftError:
    """The error of a storage account, whose answers are XML and whose code azure-storage has read."""
    code = str(getattr(error.error_code, "value", error.error_code))  # type: ignore[attr-defined]
    body = json.dumps({"error": {"code": code, "message": f"{what}: {_first_line(error)}"}})
    return refusal(error.status_code or 0, body, request_id=_request_id(error.response))


def _from_response(error: azure_errors.HttpResponseError) -> GateliftError:
    response = error.response
    status = getattr(response, "status_code", None) or 0
    if response is None or status < 400:  # an operation that failed: the poll itself was a 200
        model = error.error
        details = [{"code": d.code, "message": d.message} for d in (getattr(model, "details", None) or [])]
        body = {
            "code": getattr(model, "code", ""),
            "message": getattr(model, "message", _first_line(error)),
            "details": details,
        }
        return failure({"error": body}, request_id=_request_id(response))
    return refusal(status, response.text(), request_id=_request_id(response))


def _request_id(response: Any) -> str:
    headers = getattr(response, "headers", None) or {}
    return str(headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
