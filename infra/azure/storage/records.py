"""Records of what was asked last of parked stacks: one small JSON blob for each endpoint, in the workspace's container.

They lie in Azure, so that any machine can wake what another one has parked.
"""

import json
from typing import Any, Protocol

from infra.azure.diagnosis.storage import read_storage_error
from infra.errors import GateliftError, NotReady
from infra.http_client import Answer

FOLDER = "gatelift-parked"
DAMAGED = "record_damaged"  # the code of the error


class Blobs(Protocol):
    """Requests to blobs, as `infra.azure.storage.lock_blobs.LockBlobs` documents them."""

    def send(
        self, method: str, name: str, headers: dict[str, str], *, query: str = ..., body: bytes = ...
    ) -> Answer: ...


class Records:
    """The records of one workspace, by the names of endpoints."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def read(self, name: str) -> dict[str, Any] | None:
        """The record; None where there is none. Raises what `damaged` makes for what is no JSON object."""
        answer = self._blobs.send("GET", _blob(name), {})
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unusable(answer, "read")
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise damaged(name, "is no JSON object") from None

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Write the record, in the place of an earlier one."""
        body = json.dumps(record, sort_keys=True).encode()
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/json"}
        answer = self._blobs.send("PUT", _blob(name), headers, body=body)
        if answer.status != 201:
            raise _unusable(answer, "write")

    def delete(self, name: str) -> None:
        """Delete the record; there need not be one."""
        answer = self._blobs.send("DELETE", _blob(name), {})
        if answer.status not in (202, 404):
            raise _unusable(answer, "delete")


def damaged(name: str, what: str) -> GateliftError:
    """The error of a record that is there and cannot be used."""
    hint = f"`gatelift up` makes the deployment again from the spec; the record is the blob {FOLDER}/{_blob(name)}"
    return GateliftError(f"the record of the parked endpoint {name} {what}", hint=hint, code=DAMAGED)


def _blob(name: str) -> str:
    return f"{name.lower()}.json"


def _unusable(answer: Answer, what: str) -> GateliftError:
    code, message = read_storage_error(answer)
    hint = "run the command again: it continues where this one ended"
    return NotReady(f"the workspace's storage account refuses to {what} a record: {message}", hint=hint, code=code)
