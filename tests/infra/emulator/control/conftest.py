"""Clients of the control plane: raw ARM, the real SDK, and the official documents that answers are held against."""

import contextlib
import importlib.util
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.launcher import EmulatorProfile

REPOSITORY = Path(__file__).resolve().parents[4]
SPECS = Path(os.environ.get("GATELIFT_SPECS", REPOSITORY.parent / "shared" / "specs"))
ML_SPECS = (
    SPECS / "azure-rest-api-specs/specification/machinelearningservices/resource-manager"
    "/Microsoft.MachineLearningServices/stable/2024-04-01"
)
ROLE_SPEC = (
    SPECS
    / "azure-rest-api-specs/specification/authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01"
    "/authorization-RoleAssignmentsCalls.json"
)
SUBSCRIPTION = "00000000-0000-0000-0000-00000000aaaa"
PROVIDER = "providers/Microsoft.MachineLearningServices"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ml"
LAB, ANNEX = (f"{GROUP}/{PROVIDER}/workspaces/{name}" for name in ("lab", "annex"))
SCORING = Path(__file__).with_name("code")
ROUTES = {
    f"{kind}Route": {"port": 5001, "path": path}
    for kind, path in [("liveness", "/health/live"), ("readiness", "/health/ready"), ("scoring", "/v1/chat")]
}


class Arm:
    """Talks to the control plane; every answer is kept for the conformance check."""

    group, lab, annex, subscription = GROUP, LAB, ANNEX, SUBSCRIPTION

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.seen: list[tuple[str, str, int, Any]] = []

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: str | None = "2024-04-01", **query: str
    ) -> httpx.Response:
        parameters = {**({"api-version": version} if version else {}), **query}
        answer = self.client.request(method, path, json=body, params=parameters)
        content = answer.json() if answer.content else None
        self.seen.append((method, path, answer.status_code, content))
        return answer

    def finish(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for a long-running operation; returns its last status."""
        url = answer.headers["azure-asyncoperation"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.client.get(url).raise_for_status().json()
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
        self.done("PUT", environment, {"properties": {"image": "example.org/box:1", "inferenceConfig": ROUTES}})
        code = f"{workspace}/codes/tiny/versions/1"
        place = self("POST", f"{code}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}).json()
        reference = place["blobReferenceForConsumption"]
        address, _, signature = reference["credential"]["sasUri"].partition("?")
        for file in SCORING.iterdir():
            if file.is_file():
                url = f"{address}/{file.name}?{signature}"
                headers = {"x-ms-blob-type": "BlockBlob"}
                self.client.put(url, content=file.read_bytes(), headers=headers).raise_for_status()
        self.done("PUT", code, {"properties": {"codeUri": reference["blobUri"]}})
        return {"environment": environment, "code": code}


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
def arm(emulator: EmulatorProfile, connect: Callable[..., httpx.Client]) -> Iterator[Arm]:
    """The control plane of the shared emulator, as its owner."""
    with connect(emulator) as client:
        yield Arm(client)


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
def answers() -> list[tuple[str, str, int, Any]]:
    """Every answer that the SDK has got."""
    return []


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


@pytest.fixture
def quiet() -> Callable[[], Any]:
    """Keeps the dots that the SDK prints out of the test's output."""
    return lambda: contextlib.redirect_stdout(io.StringIO())


class Documents:
    """The official documents that an answer has to satisfy."""

    def __init__(self) -> None:
        found = importlib.util.spec_from_file_location("specval", SPECS / "tools" / "specval.py")
        assert found
        assert found.loader
        module = importlib.util.module_from_spec(found)
        sys.modules["specval"] = module
        found.loader.exec_module(module)
        files = [ML_SPECS / name for name in ("mfe.json", "machineLearningServices.json", "registries.json")]
        self._specs = [module.Spec(str(file)) for file in [*files, ROLE_SPEC]]

    def violations(self, method: str, url: str, status: int, body: Any) -> list[str] | None:
        """What is wrong with an answer; None where no document knows the operation."""
        path = "/" + url.partition("?")[0].partition("://")[2].partition("/")[2] if "://" in url else url
        for spec in self._specs:
            with contextlib.suppress(KeyError):
                return [
                    f"{method} {path} {status}: {error}" for error in spec.check_response(method, path, status, body)
                ]
        return None


@pytest.fixture(scope="session")
def documents() -> Documents:
    """The official documents, where they are at hand."""
    if not (SPECS / "tools" / "specval.py").is_file():
        pytest.skip(f"the official API documents are not at {SPECS} (set GATELIFT_SPECS)")
    return Documents()
