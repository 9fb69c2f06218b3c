"""A workspace of a running emulator, and folders of files to send to its storage."""

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from infra.azure.cloud import SourceFile
from infra.azure.storage.datastore import workspace_container
from infra.azure.target import Target, open_target
from infra.emulator import launcher
from infra.resources.identity_roles import AUTHORIZATION, AUTHORIZATION_API
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
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
MIB = 1 << 20
TOKEN = "hf_accepted0123"
HUB_FILES = {"config.json": 300, "model-1.safetensors": 70 * MIB, "model-2.safetensors": 20 * MIB}
SMALL = {"config.json": 300, "model-2.safetensors": 20 * MIB}  # the files of `org/small`
SEED: dict[str, Any] = {
    "hub": {
        "tokens": [{"value": TOKEN, "user": "u", "role": "read", "gated_repos": True}],
        "repos": [
            {"id": "org/open", "folder": "open"},
            {"id": "org/small", "folder": "small"},
            {"id": "org/gated", "gated": "manual", "folder": "gated", "access": {"u": "accepted"}},
        ],
    },
}
Rules = list[dict[str, Any]]


@pytest.fixture(scope="session")
def storage_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("storage")
    state = folder / "state"
    for repo in SEED["hub"]["repos"]:
        for name, size in (HUB_FILES if repo["folder"] == "open" else SMALL).items():
            (folder / repo["folder"]).mkdir(exist_ok=True)
            (folder / repo["folder"] / name).write_bytes(random.Random(name).randbytes(size))
    (folder / "seed.json").write_text(json.dumps(SEED))
    launcher.start(state, seed=folder / "seed.json")
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
            path.write_bytes(random.Random(index).randbytes(size))
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


@pytest.fixture
def send_and_die(storage_state: Path, target: Target) -> Callable[..., int]:
    """Sends files in another process that sends itself a signal at a share of the bytes; returns its exit status."""

    def send_and_die(files: list[SourceFile], folder: str, share: float, number: int, token: str = "") -> int:
        asked = {
            "spec": SPEC,
            "state": str(storage_state),
            "files": [{**msgspec.structs.asdict(file), "path": file.path and str(file.path)} for file in files],
            "folder": folder,
            "share": share,
            "signal": int(number),
            "token": token,
        }
        script = Path(__file__).with_name("sender.py")
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[4])}
        done = subprocess.run([sys.executable, script], input=json.dumps(asked), text=True, env=environ, check=False)
        return done.returncode

    return send_and_die


@pytest.fixture
def allow_blobs(target: Target) -> Callable[[], None]:
    """Gives the login the role that writes blobs."""

    def allow_blobs() -> None:
        group = target.workspace.id.partition("/providers/")[0]
        account = (target.arm.get(target.workspace.id) or {})["properties"]["storageAccount"]
        owner = target.arm.list(f"{group}{AUTHORIZATION}/roleAssignments", api_version=AUTHORIZATION_API)[0]
        definition = f"{AUTHORIZATION}/roleDefinitions/{BLOB_CONTRIBUTOR}"
        body = {"properties": {"roleDefinitionId": definition, "principalId": owner["properties"]["principalId"]}}
        target.arm.put(f"{account}{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}", body, api_version=AUTHORIZATION_API)

    return allow_blobs
