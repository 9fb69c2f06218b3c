"""The data plane inside a real emulator process: what a kill -9 and a restart leave."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from infra.hub.demo_models import SMOLLM2

SCRIPT = Path(__file__).with_name("code") / "score.py"
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-00000000aaaa/resourceGroups/ml"
    "/providers/Microsoft.MachineLearningServices/workspaces/lab"
)
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/survivor"
DEPLOYMENT = f"{ENDPOINT}/deployments/blue"


class Stack:
    """An endpoint with one deployment, made over the control plane."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def call(self, method: str, id: str, body: Any = None) -> Any:
        answer = self._client.request(method, id, json=body, params={"api-version": "2024-04-01"})
        assert answer.status_code < 300, answer.text
        if operation := answer.headers.get("azure-asyncoperation"):
            while (status := self._client.get(operation).json())["status"] not in ("Succeeded", "Failed", "Canceled"):
                time.sleep(0.05)
            assert status["status"] == "Succeeded", status
        return answer.json() if answer.content else None

    def make(self) -> None:
        routes = {
            f"{kind}Route": {"port": 5001, "path": path}
            for kind, path in [("liveness", "/health/live"), ("readiness", "/health/ready"), ("scoring", "/score")]
        }
        environment, code = f"{WORKSPACE}/environments/box/versions/1", f"{WORKSPACE}/codes/script/versions/1"
        self.call("PUT", environment, {"properties": {"image": "example.org/box:1", "inferenceConfig": routes}})
        pending = self.call("POST", f"{code}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})[
            "blobReferenceForConsumption"
        ]
        address, _, signature = pending["credential"]["sasUri"].partition("?")
        self._client.put(
            f"{address}/score.py?{signature}", content=SCRIPT.read_bytes(), headers={"x-ms-blob-type": "BlockBlob"}
        ).raise_for_status()
        self.call("PUT", code, {"properties": {"codeUri": pending["blobUri"]}})
        endpoint = {"location": "eastus", "identity": {"type": "SystemAssigned"}}
        self.call("PUT", ENDPOINT, endpoint | {"properties": {"authMode": "Key"}})
        properties = {
            "endpointComputeType": "Managed",
            "environmentId": environment,
            "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
            "instanceType": "Standard_NC24ads_A100_v4",
            "requestSettings": {"requestTimeout": "PT10S", "maxConcurrentRequestsPerInstance": 8},
        }
        body = {"location": "eastus", "sku": {"name": "Default", "capacity": 1}, "properties": properties}
        self.call("PUT", DEPLOYMENT, body)
        self.call("PUT", ENDPOINT, endpoint | {"properties": {"authMode": "Key", "traffic": {"blue": 100}}})

    def scoring_uri(self) -> str:
        return str(self.call("GET", ENDPOINT)["properties"]["scoringUri"])

    def key(self) -> str:
        return str(self.call("POST", f"{ENDPOINT}/listKeys")["primaryKey"])


def score(uri: str, key: str) -> httpx.Response:
    return httpx.post(uri, content=b"question", headers={"Authorization": f"Bearer {key}"}, trust_env=False)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_an_endpoint_survives_its_container_and_its_emulator(
    start_emulator: Callable[..., EmulatorProfile], connect: Callable[..., httpx.Client]
) -> None:
    profile = start_emulator()
    with connect(profile) as client:
        stack = Stack(client)
        stack.make()
        uri, key = stack.scoring_uri(), stack.key()
    first = score(uri, key).json()["pid"]

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: score(uri, key).status_code == 200)
    second = score(uri, key).json()["pid"]
    assert second != first

    os.kill(profile.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(second))
    with pytest.raises(httpx.ConnectError):
        score(uri, key)

    again = launcher.start(Path(profile.state))
    wait_until(lambda: score(uri, key).status_code == 200)
    third = score(uri, key).json()["pid"]
    assert launcher.stop(Path(profile.state))
    assert not is_alive(third)
    wait_until(lambda: not is_alive(again.pid))


def test_the_demo_token_of_the_portal_opens_the_hub(emulator: EmulatorProfile, smollm2_weights: Path) -> None:
    given = httpx.get(f"{emulator.portal}/token", trust_env=False).json()
    api = HfApi(endpoint=emulator.hub, token=given["token"])
    assert api.whoami()["name"] == "demo"
    api.auth_check(SMOLLM2.id)
    revision = api.model_info(SMOLLM2.id).sha
    assert api.model_info(SMOLLM2.id, revision=revision).sha == revision
