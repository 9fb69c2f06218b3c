"""Clients of the control plane: raw ARM, the real SDK, and the official documents that answers are held against."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.launcher import EmulatorProfile
from tests.infra.emulator.documents import COUNTS, SPECS, Documents
from tests.infra.emulator.routes import ARM_ROUTES

SUBSCRIPTION = "00000000-0000-0000-0000-00000000aaaa"
PROVIDER = "providers/Microsoft.MachineLearningServices"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ml"
LAB, ANNEX = (f"{GROUP}/{PROVIDER}/workspaces/{name}" for name in ("lab", "annex"))
SCORING = Path(__file__).with_name("code")


class Arm:
    """Talks to the control plane; every answer is kept for the conformance check."""

    group, lab, annex, subscription = GROUP, LAB, ANNEX, SUBSCRIPTION
    version = "2024-04-01"

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.seen: list[tuple[str, str, int, Any]] = []
        self.accepted: list[tuple[str, str, Any]] = []

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: str | None = "", **query: str
    ) -> httpx.Response:
        version = self.version if version == "" else version
        parameters = {**({"api-version": version} if version else {}), **query}
        answer = self.client.request(method, path, json=body, params=parameters)
        content = answer.json() if answer.content else None
        self.seen.append((method, str(answer.request.url), answer.status_code, content))
        if body is not None and answer.status_code < 400:
            self.accepted.append((method, str(answer.request.url), body))
        return answer

    def finish(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for a long-running operation; returns its last status."""
        url = answer.headers["azure-asyncoperation"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.client.get(url).raise_for_status().json()
            self.seen.append(("GET", url, 200, status))
            if status["status"] in ("Succeeded", "Failed", "Canceled"):
                return status
            time.sleep(0.02)
        raise AssertionError(f"{url} did not end")

    def done(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """A request whose operation, if it starts one, has to succeed."""
        answer = self(method, path, body, **query)
        assert answer.status_code < 400, answer.text
        if "azure-asyncoperation" in answer.headers:
            status = self.finish(answer)
            assert status["status"] == "Succeeded", status
        return answer

    @staticmethod
    def error(answer: httpx.Response) -> tuple[int, str, str]:
        """Status, outer code, and everything that was said."""
        error = answer.json()["error"]
        details = [f"{entry['code']} {entry['message']}" for entry in error.get("details") or []]
        return answer.status_code, error["code"], " ".join([error["message"], *details])

    def endpoint(self, name: str, *, workspace: str = LAB, **changes: Any) -> str:
        """An endpoint that exists when this returns."""
        id = f"{workspace}/onlineEndpoints/{name}"
        self.done("PUT", id, endpoint_body(**changes))
        return id

    def assets(self, workspace: str = LAB) -> dict[str, str]:
        """The ids of an environment with routes and of code that answers on them."""
        environment = f"{workspace}/environments/box/versions/1"
        self.done("PUT", environment, {"properties": {"image": "example.org/box:1", "inferenceConfig": ARM_ROUTES}})
        code = f"{workspace}/codes/tiny/versions/1"
        if self("GET", code).status_code == 404:
            self._upload_code(code)
        return {"environment": environment, "code": code}

    def _upload_code(self, code: str) -> None:
        place = self("POST", f"{code}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}).json()
        reference = place["blobReferenceForConsumption"]
        address, _, signature = reference["credential"]["sasUri"].partition("?")
        for file in SCORING.iterdir():
            if file.is_file():
                url = f"{address}/tiny/{file.name}?{signature}"
                headers = {"x-ms-blob-type": "BlockBlob"}
                self.client.put(url, content=file.read_bytes(), headers=headers).raise_for_status()
        self.done("PUT", code, {"properties": {"codeUri": f"{reference['blobUri']}/tiny"}})


def endpoint_body(**changes: Any) -> dict[str, Any]:
    """An endpoint as the SDK would send it."""
    properties = {
        "authMode": "Key",
        "properties": {},
        "traffic": {},
        "mirrorTraffic": {},
        **changes.pop("properties", {}),
    }
    return {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "tags": {},
        "properties": properties,
        **changes,
    }


def deployment_body(assets: dict[str, str], capacity: int = 1, **changes: Any) -> dict[str, Any]:
    """A deployment of the tiny scoring program."""
    probe = {"initialDelay": "PT1S", "period": "PT1S", "failureThreshold": 20}
    properties = {
        "endpointComputeType": "Managed",
        "environmentId": assets["environment"],
        "codeConfiguration": {"codeId": assets["code"], "scoringScript": "score.py"},
        "instanceType": "Standard_NC24ads_A100_v4",
        "livenessProbe": probe,
        "readinessProbe": probe,
        **changes,
    }
    return {
        "location": "eastus",
        "sku": {"name": "Default", "capacity": capacity},
        "tags": {},
        "properties": properties,
    }


@pytest.fixture(scope="session")
def bodies() -> dict[str, Callable[..., dict[str, Any]]]:
    """What makes request bodies, by resource."""
    return {"endpoint": endpoint_body, "deployment": deployment_body}


@pytest.fixture(scope="session")
def arm_class() -> type[Arm]:
    """The client of the control plane, for fixtures that live longer than a test."""
    return Arm


@pytest.fixture
def arm(
    emulator: EmulatorProfile, connect: Callable[..., httpx.Client], all_documents: Documents | None
) -> Iterator[Arm]:
    """The control plane of the shared emulator, as its owner; all it said is held against the official documents."""
    with connect(emulator) as client:
        arm = Arm(client)
        yield arm
    if all_documents:
        for answer in arm.seen:
            assert not all_documents.violations(*answer)
        for request in arm.accepted:
            assert not all_documents.request_violations(*request), "accepted, though the documents forbid it"


@pytest.fixture
def arm_as(emulator: EmulatorProfile, connect: Callable[..., httpx.Client]) -> Iterator[Callable[[str], Arm]]:
    """The control plane of the shared emulator, as whoever holds a token."""
    with contextlib.ExitStack() as stack:
        yield lambda token: Arm(stack.enter_context(connect(emulator, token)))


@pytest.fixture
def arm_of(connect: Callable[..., httpx.Client]) -> Iterator[Callable[[EmulatorProfile], Arm]]:
    """The control plane of any emulator, as its owner."""
    with contextlib.ExitStack() as stack:
        yield lambda profile: Arm(stack.enter_context(connect(profile)))


@pytest.fixture(scope="session")
def sdk_environment(emulator: EmulatorProfile) -> Iterator[dict[str, str]]:
    """The environment in which the real SDKs find the emulator, and the cloud that MLClient is given."""
    url = emulator.resource_manager
    cloud = {
        "azure_portal": emulator.portal,
        "resource_manager": url,
        "active_directory": url,
        "aml_resource_id": url,
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": f"{url}/",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_bundle)
        patch.setenv("IDENTITY_ENDPOINT", emulator.identity_endpoint)
        patch.setenv("IDENTITY_HEADER", "x")
        yield cloud


@pytest.fixture(scope="session")
def answers(all_documents: Documents | None) -> Iterator[list[tuple[str, str, int, Any]]]:
    """Every answer that the SDK has got and no test has held against the official documents: they are at the end."""
    got: list[tuple[str, str, int, Any]] = []
    yield got
    for answer in got if all_documents else ():
        assert not all_documents.violations(*answer)


@pytest.fixture(scope="session")
def ml_client(
    emulator: EmulatorProfile, sdk_environment: dict[str, str], answers: list[tuple[str, str, int, Any]]
) -> Callable[..., Any]:
    """Makes MLClients of the unmodified SDK for the workspace `lab`."""
    from azure.ai.ml import MLClient
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class Recorder(SansIOHTTPPolicy):  # type: ignore[type-arg]
        def on_response(self, request: Any, response: Any) -> None:
            sent, got = request.http_request, response.http_response
            is_json = "json" in got.headers.get("content-type", "")
            if is_json:
                got.read()
            answers.append((sent.method, sent.url, got.status_code, got.json() if is_json else None))

    def make(credential: Any, **options: Any) -> Any:
        name = f"emulator-{emulator.resource_manager.rpartition(':')[2]}"
        options = {"per_retry_policies": [Recorder()], **options}
        place = {} if "registry_name" in options else {"workspace_name": "lab"}
        return MLClient(credential, SUBSCRIPTION, "ml", **place, cloud=name, cloud_metadata=sdk_environment, **options)

    return make


@pytest.fixture(scope="module")
def ml(ml_client: Callable[..., Any]) -> Any:
    """The SDK's client of the workspace `lab`, with the emulator's managed identity."""
    from azure.identity import ManagedIdentityCredential

    return ml_client(ManagedIdentityCredential())


@pytest.fixture
def without_output() -> Callable[[], Any]:
    """Keeps the dots that the SDK prints out of the test's output."""
    return lambda: contextlib.redirect_stdout(io.StringIO())


@pytest.fixture(scope="session")
def all_documents(checked: Counter[str]) -> Iterator[Documents | None]:
    """The official documents, None where they are not at hand."""
    yield Documents() if Documents.at_hand() else None
    checked.update(COUNTS)


@pytest.fixture(scope="session")
def documents(all_documents: Documents | None) -> Documents:
    """The official documents, where they are at hand."""
    if all_documents is None:
        pytest.skip(f"the official API documents are not at {SPECS} (set GATELIFT_SPECS)")
    return all_documents
