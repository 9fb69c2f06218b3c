"""A spec and a cloud of plain values, for everything that needs no Azure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.azure.locks.leases import Locks
from infra.azure.workspace import Workspace
from infra.emulator.storage.documents import StorageError
from infra.emulator.storage.leases import Lease, Leases
from infra.errors import NotFound, NotReady
from infra.http_client import Answer
from infra.hub.facts import ModelFacts
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.reporter import Silent
from infra.spec.model import StackSpec, spec_from

SPEC: dict[str, Any] = {
    "name": "demo",
    "model": {"id": "org/Gated_Model"},
    "workspace": {
        "subscription_id": "00000000-0000-0000-0000-000000000001",
        "resource_group": "group",
        "name": "workspace",
    },
    "endpoint": {"name": "demo-endpoint"},
    "deployment": {"instance_type": "Standard_NC24ads_A100_v4", "engine": {"max_model_len": 4096}},
    "catalog": {"tags": {"team": "search"}, "invisible_until": "2026-01-16T00:00:00.000Z"},
}


class ManualClock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def utc(self) -> datetime:
        return datetime(2026, 1, 15, tzinfo=UTC) + timedelta(seconds=self.time)

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Shelf:
    """Resource Manager as a dictionary of documents; remembers what was written."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.written: list[tuple[str, Any]] = []

    def hold(self, id: str, document: dict[str, Any]) -> None:
        self.documents[id] = {"id": id, **document}

    def get(self, id: str, *, api_version: str = "") -> dict[str, Any] | None:
        return self.documents.get(id)

    def list(self, id: str, *, api_version: str = "", query: Mapping[str, str] | None = None) -> list[Any]:
        depth = id.count("/") + 1
        return [doc for key, doc in self.documents.items() if key.startswith(f"{id}/") and key.count("/") == depth]

    def post(self, id: str, body: Any = None, *, api_version: str = "") -> dict[str, Any]:
        if id not in self.answers:
            raise NotFound(id)
        return self.answers[id]

    def put(self, id: str, body: Any, *, api_version: str = "") -> dict[str, Any]:
        self.written.append((id, body))
        self.documents[id] = {"id": id, "name": id.rpartition("/")[2], **body}
        return self.documents[id]

    def delete(self, id: str, *, api_version: str = "") -> None:
        self.begin_delete(id)

    def begin_put(self, id: str, body: Any) -> None:
        self.put(id, body)

    def begin_patch(self, id: str, body: Any) -> None:
        self.written.append((id, body))

    def begin_delete(self, id: str) -> None:
        self.written.append((id, None))
        self.documents.pop(id, None)


class NoWaiting:
    """Operations that are over as soon as they are begun."""

    def wait(self, operation: Any, tick: Any = None) -> None: ...

    def wait_for_running(self, document: Mapping[str, Any], tick: Any = None) -> None: ...


class LeasedBlobs:
    """Blobs that can be leased, by the emulator's rules and a clock of their own; `silent` answers nothing."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.leases = Leases(now)
        self.blobs: dict[str, tuple[dict[str, str], Lease | None]] = {}
        self.silent = False

    def send(self, method: str, name: str, headers: Mapping[str, str], *, query: str = "") -> Answer:
        if self.silent:
            raise NotReady("no answer", code="no_connection")
        try:
            return answer_of(*self._serve(method, name, {k.lower(): v for k, v in headers.items()}, query))
        except StorageError as error:
            return answer_of(error.status, {"x-ms-error-code": error.code})

    def _serve(self, method: str, name: str, sent: dict[str, str], query: str) -> tuple[int, dict[str, str]]:
        about = {key: value for key, value in sent.items() if key.startswith("x-ms-meta-")}
        if name not in self.blobs and (method, query) != ("PUT", ""):
            raise StorageError(404, "BlobNotFound")
        known, lease = self.blobs.get(name, ({}, None))
        if query == "comp=lease":
            status, lease, shown = self.leases.act(lease, sent)
            self.blobs[name] = known, lease
            return status, shown
        if method == "HEAD":
            return 200, {**known, **self.leases.shown(lease), "last-modified": "just now"}
        self.leases.check_write(lease, sent.get("x-ms-lease-id"))
        if method == "DELETE":
            del self.blobs[name]
            return 202, {}
        if name in self.blobs and sent.get("if-none-match") == "*":
            raise StorageError(409, "BlobAlreadyExists")
        self.blobs[name] = about, lease
        return (201, {}) if not query else (200, {})


def answer_of(status: int, headers: dict[str, str]) -> Answer:
    message = HTTPMessage()
    for name, value in headers.items():
        message[name] = value
    return Answer(status, message)


class NoRecords:
    """Knows of no parked stack."""

    def read(self, name: str) -> None:
        return None

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Keep nothing."""

    def delete(self, name: str) -> None:
        """Nothing to delete."""


class NoUploads:
    """Takes all files, and keeps none."""

    def upload(self, reference: Any, files: Any, folder: str) -> str:
        return ""

    def put_blob(self, url: str, content: bytes) -> None: ...

    def read_blob(self, url: str, start: int) -> bytes:
        return b""

    def upload_to_workspace(self, files: Any, folder: str) -> str:
        return ""

    def send(self, files: Any, folder: str, *, about: Any = None, token: str = "", progress: Any = None) -> str:
        return ""

    def remove(self, uri: str) -> None: ...

    def blob_url(self, uri: str) -> str:
        return ""

    def link(self, folder: Path, files: Any, into: str, *, about: Any) -> str:
        return ""


@pytest.fixture
def spec_values() -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, dict) else value for key, value in SPEC.items()}


@pytest.fixture
def stack_spec(spec_values: dict[str, Any]) -> StackSpec:
    return spec_from(spec_values)


@pytest.fixture
def gated_facts() -> ModelFacts:
    return ModelFacts("org/Gated_Model", "a" * 40, gated=True, license="mit")


@pytest.fixture
def sources() -> Sources:
    return Sources(Path(__file__).parent / "container", bundled("environments") / "vllm")


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def leased_blobs(manual_clock: ManualClock) -> LeasedBlobs:
    return LeasedBlobs(manual_clock.now)


@pytest.fixture
def plain_cloud(shelf: Shelf, manual_clock: ManualClock, leased_blobs: LeasedBlobs) -> Cloud:
    workspace = Workspace(SPEC["workspace"]["subscription_id"], "group", "workspace")
    locks = Locks(leased_blobs, manual_clock, Silent(), local=False, longest=900)
    return Cloud(workspace, "demo", shelf, NoWaiting(), NoUploads(), manual_clock, Silent(), locks, NoRecords())
