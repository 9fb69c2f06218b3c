"""Requests to the small blobs that gatelift keeps in the workspace's own container: locks, records of parked stacks.

Plain HTTP, because azure-storage-blob takes 0.7 s to import and a lock needs three small requests.
"""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from infra.azure.arm import Arm
from infra.azure.diagnosis.storage import read_storage_error
from infra.azure.storage.datastore import Container, sign, workspace_container
from infra.azure.workspace import Workspace
from infra.errors import AccessDenied, GateliftError, NotReady
from infra.http_client import TRANSIENT, Answer, Unreachable, Web

SCOPE = "https://storage.azure.com/.default"
SERVICE_VERSION = "2021-12-02"
PAUSES = (0.5, 1.0, 2.0)  # seconds before each further try
LONGEST = 10.0  # seconds for one answer: a lease must be renewed within a minute
FOLDER = "gatelift-locks"
NO_KEYS = ("KeyBasedAuthenticationNotPermitted", "AuthenticationFailed")


class LockBlobs:
    """The blobs below one folder; safe to use from many threads."""

    def __init__(self, arm: Arm, workspace: Workspace, folder: str = FOLDER) -> None:
        self._arm = arm
        self._workspace = workspace
        self._folder = folder
        self._web = Web(ca_bundle=arm.ca_bundle, connect=arm.timeouts.connect, read=min(arm.timeouts.request, LONGEST))
        self._lock = threading.Lock()
        self._container: Container | None = None

    def send(self, method: str, name: str, headers: Mapping[str, str], *, query: str = "", body: bytes = b"") -> Answer:
        """The answer to a request about one blob, whatever its status but for a refused access.

        Raises `AccessDenied` where the caller may not write blobs, and `NotReady` where no answer came.
        """
        answer, container = self._try(method, name, headers, (query, body))
        if answer.status in (401, 403):
            code, _ = read_storage_error(answer)
            keyless = code == NO_KEYS[0] and bool(container.signature or container.key)
            with self._lock:  # a signature lasts an hour, and an account's keys may be turned off
                if self._container is container:
                    self._container = Container(container.url, container.account) if keyless else None
            answer, container = self._try(method, name, headers, (query, body))
        if answer.status in (401, 403):
            raise self._denied(container, answer)
        return answer

    def opened(self) -> Container:
        """The container and what opens it, asked for once."""
        with self._lock:
            if self._container is None:
                found = workspace_container(self._arm, self._workspace)
                if found.key:
                    found = Container(found.url, found.account, sign(found, datetime.now(UTC)))
                self._container = found
            return self._container

    def _try(
        self, method: str, name: str, headers: Mapping[str, str], sending: tuple[str, bytes]
    ) -> tuple[Answer, Container]:
        container, (query, body) = self.opened(), sending
        url = f"{container.url}/{self._folder}/{quote(name)}"
        sent = {"x-ms-version": SERVICE_VERSION, "Content-Length": str(len(body)), **headers}
        if container.signature:
            query = f"{query}&{container.signature}" if query else container.signature
        else:
            sent["Authorization"] = f"Bearer {self._arm.credential.get_token(SCOPE).token}"
        if query:
            url += f"?{query}"
        for pause in (*PAUSES, None):
            try:
                answer = self._web.send(method, url, headers=sent, body=body if method == "PUT" else None)
                if answer.status not in TRANSIENT or pause is None:
                    return answer, container
            except Unreachable as error:
                if error.final or pause is None:
                    message = f"{method} {url.partition('?')[0]}: no answer: {error}"
                    hint = (
                        "check that this machine reaches the workspace's storage account (firewall, private endpoint)"
                    )
                    raise NotReady(message, hint=hint, code="no_connection") from None
            time.sleep(pause or 0)
        raise AssertionError  # the last try returns or raises

    def _denied(self, container: Container, answer: Answer) -> GateliftError:
        code, message = read_storage_error(answer)
        account = container.account.rpartition("/")[2]
        hint = (
            f"ask for the role Storage Blob Data Contributor on the storage account {account}, in which gatelift keeps "
            "its locks; a new role takes up to 10 minutes to work"
        )
        return AccessDenied(f"no access to the workspace's storage account: {message}", hint=hint, code=code)
