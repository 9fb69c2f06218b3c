"""A workspace of a running emulator, and folders of files to send to its storage."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.azure.cloud import SourceFile
from infra.azure.storage.datastore import workspace_container
from infra.azure.target import Target, open_target
from infra.emulator import launcher
from infra.spec.model import spec_from

SPEC = {
    "name": "transfers",
    "model": {"id": "org/any"},
    "workspace": {
        "subscription_id": "00000000-0000-0000-0000-000000000001",
        "resource_group": "group",
        "name": "transfers",
    },
    "endpoint": {"name": "transfers"},
    "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
}
Rules = list[dict[str, Any]]


@pytest.fixture(scope="session")
def storage_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    state = tmp_path_factory.mktemp("storage") / "state"
    yield state
    launcher.stop(state)


@pytest.fixture
def target(storage_state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A workspace of the emulator; its settings are afterwards as they were."""
    for name in ("REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    environ = {"GATELIFT_EMULATOR_STATE": str(storage_state)}
    target = open_target(spec_from(SPEC), local=True, environ=environ, absent="make")
    settings = httpx.get(f"{target.portal}/settings", trust_env=False).json()
    yield target
    httpx.put(f"{target.portal}/settings", json=settings, trust_env=False).raise_for_status()
    httpx.put(f"{target.portal}/faults", json=[], trust_env=False).raise_for_status()


@pytest.fixture
def faults(target: Target) -> Callable[..., Rules]:
    """Sets fault rules; without any, returns those in force with their counts."""

    def faults(*rules: dict[str, Any]) -> Rules:
        url = f"{target.portal}/faults"
        answer = httpx.put(url, json=list(rules), trust_env=False) if rules else httpx.get(url, trust_env=False)
        found: Rules = answer.raise_for_status().json()
        return found

    return faults


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., list[SourceFile]]:
    """Writes files, given as name and size, and returns them as they are listed before they are sent."""

    def folder(**sizes: int) -> list[SourceFile]:
        found = []
        for index, (name, size) in enumerate(sizes.items()):
            path = tmp_path / "model" / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            block = hashlib.sha256(f"{index}".encode()).digest() * 32768  # 1 MiB
            path.write_bytes((block * (size // len(block) + 1))[:size])
            found.append(SourceFile(name.replace("__", "/"), size, path=path))
        return found

    return folder


@pytest.fixture
def blobs(target: Target) -> Any:
    """The workspace's own container, through azure-storage-blob."""
    from azure.storage.blob import ContainerClient

    found = workspace_container(target.arm, target.workspace)
    with ContainerClient.from_container_url(f"{found.url}?{found.signature}") as client:
        yield client
