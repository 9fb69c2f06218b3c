"""The errors of azure-storage-blob as `GateliftError`s."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core import exceptions as azure_errors

from infra.azure.arm import refusal
from infra.errors import GateliftError, NotReady, Refused


@contextmanager
def as_gatelift_errors(what: str) -> Iterator[None]:
    """Turn the errors of the package into `GateliftError`s with a hint; `what` begins their messages."""
    try:
        yield
    except azure_errors.HttpResponseError as error:
        raise _refused(what, error) from None
    except (azure_errors.ServiceRequestError, azure_errors.ServiceResponseError) as error:
        hint = "check the network; with `--local`, check `gatelift emulator status`"
        raise NotReady(f"{what}: no answer: {_first_line(error)}", hint=hint, code="no_connection") from None
    except azure_errors.AzureError as error:
        hint = "`gatelift doctor` checks the login, your permissions and the names in the spec"
        raise Refused(f"{what}: {_first_line(error)}", hint=hint, code=type(error).__name__) from None


def _refused(what: str, error: azure_errors.HttpResponseError) -> GateliftError:
    """The error of an answer, whose XML azure-storage has read; one of something in between has no code."""
    found: Any = getattr(error, "error_code", None) or ""
    code = str(getattr(found, "value", found))
    body = json.dumps({"error": {"code": code, "message": f"{what}: {_first_line(error)}"}})
    return refusal(error.status_code or 0, body, request_id=_request_id(error.response))


def _request_id(response: Any) -> str:
    headers = getattr(response, "headers", None) or {}
    return str(headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
