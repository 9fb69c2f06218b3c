"""Folders of an emulated blob storage, read with a managed identity."""

import base64
import errno
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from infra.emulator.launcher import EmulatorProfile
from scoring.errors import WeightsMissing
from scoring.settings.adapters import AdapterSettings
from scoring.weights.blobs import BlobFolders, split_url
from scoring.weights.identity import identity_token
from scoring.weights.weights import Wanted, fetch_weights
from tests.scoring.weights.conftest import PLACE
from tests.scoring.weights.tensors import ADAPTER, safetensors, write

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
LARGE = safetensors(20 * 1024 * 1024)


@pytest.fixture
def identity(hub_emulator: EmulatorProfile, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a container whose identity may read everything."""
    monkeypatch.setenv("SSL_CERT_FILE", hub_emulator.ca_bundle)
    return {"IDENTITY_ENDPOINT": hub_emulator.identity_endpoint, "IDENTITY_HEADER": "any"}


@pytest.fixture
def put(hub_emulator: EmulatorProfile, identity: dict[str, str]) -> Iterator[Callable[[str, bytes], str]]:
    """Upload a blob below the folder `lora`; returns the folder's URL."""
    root = f"/subscriptions/{PLACE['subscription_id']}"
    workspace = f"{root}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/lab"
    management = headers_for(identity, hub_emulator.resource_manager)
    certificates = ssl.create_default_context(cafile=hub_emulator.ca_bundle)
    with httpx.Client(verify=certificates, base_url=hub_emulator.resource_manager) as client:
        role = f"{root}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}"
        properties = {"roleDefinitionId": role, "principalId": claims(management)["oid"], "principalType": "User"}
        assigned = f"{root}/providers/Microsoft.Authorization/roleAssignments/{BLOB_CONTRIBUTOR}"
        body = {"properties": properties}
        client.put(f"{assigned}?api-version=2022-04-01", json=body, headers=management).raise_for_status()
        named = f"{workspace}/datastores/workspaceblobstore?api-version=2024-04-01"
        store = client.get(named, headers=management).raise_for_status().json()["properties"]
        base = f"https://{store['accountName']}.blob.{store['endpoint']}/{store['containerName']}"
        storage = {**headers_for(identity, "https://storage.azure.com/"), "x-ms-version": "2021-12-02"}

        def put_blob(name: str, content: bytes) -> str:
            headers = {**storage, "x-ms-blob-type": "BlockBlob"}
            client.put(f"{base}/lora/{quote(name)}", content=content, headers=headers).raise_for_status()
            return f"{base}/lora"

        yield put_blob


def headers_for(identity: dict[str, str], resource: str) -> dict[str, str]:
    """Return headers with a token of the identity."""
    return {"authorization": f"Bearer {identity_token(identity, resource)}"}


def claims(headers: dict[str, str]) -> dict[str, str]:
    """Return what the token in these headers says."""
    body = headers["authorization"].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def test_a_folder_comes_whole_and_once(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, content in {
        "adapter_config.json": b"{}",
        "adapter_model.safetensors": LARGE,
        "sub/a b#?%.txt": b"x",
    }.items():
        url = put(name, content)
    folder = Path(BlobFolders(identity, tmp_path).fetch(url))
    assert (folder / "adapter_model.safetensors").read_bytes() == LARGE
    assert (folder / "sub" / "a b#?%.txt").read_bytes() == b"x"
    with caplog.at_level("INFO", "scoring"):
        assert BlobFolders(identity, tmp_path).fetch(url) == str(folder)
    assert "3 files, 0 B to be downloaded" in caplog.text
    put("adapter_config.json", b'{"r": 1}')
    assert Path(BlobFolders(identity, tmp_path).fetch(url), "adapter_config.json").read_bytes() == b'{"r": 1}'


def test_an_adapter_is_read_with_the_identity(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path
) -> None:
    for name, content in ADAPTER.items():
        url = put(name, content if isinstance(content, bytes) else content.encode())
    model = write(tmp_path / "m", {"config.json": "{}", "model.safetensors": safetensors()})
    wanted = Wanted(str(model), adapters=(AdapterSettings("sql", url=url),), environ=identity)
    found = fetch_weights(wanted, "http://hub.test", 5, tmp_path).adapters[0]
    assert (found.name, found.rank) == ("sql", 24)
    assert "adapter_model.safetensors" in os.listdir(found.folder)


def test_a_folder_that_is_not_there(put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path) -> None:
    url = put("adapter_config.json", b"{}").replace("/lora", "/none")
    with pytest.raises(WeightsMissing, match=r"there are no blobs below https://.*/none"):
        BlobFolders(identity, tmp_path).fetch(url)
    gone = url.replace(url.split("/")[-2], "no-container")
    with pytest.raises(WeightsMissing, match=r"there is no https://.*/no-container/none \(404\)"):
        BlobFolders(identity, tmp_path).fetch(gone)


def test_an_identity_that_may_not_read(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path, hub_emulator: EmulatorProfile
) -> None:
    url = put("adapter_config.json", b"{}")
    rule = {"path": "comp=list", "status": 403, "code": "AuthorizationPermissionMismatch", "times": 2}
    httpx.put(f"{hub_emulator.portal}/faults", json=[rule]).raise_for_status()
    try:
        with pytest.raises(WeightsMissing, match=r"the identity of the endpoint may not read https://.* \(403\)"):
            BlobFolders(identity, tmp_path, seconds=0.5).fetch(url)
        assert os.listdir(BlobFolders(identity, tmp_path).fetch(url))  # a role may take its time
    finally:
        httpx.delete(f"{hub_emulator.portal}/faults").raise_for_status()


def test_servers_that_start_at_once_share_a_folder(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path
) -> None:
    content = os.urandom(30 * 1024 * 1024)
    url = put("adapter_model.safetensors", content)
    program = (
        "import os, sys; from pathlib import Path; from scoring.weights.blobs import BlobFolders\n"
        "print(BlobFolders(os.environ, Path(sys.argv[1])).fetch(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), url]
    environ = {**os.environ, **identity}
    servers = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    folders = {server.communicate()[0].strip() for server in servers}
    assert [server.returncode for server in servers] == [0] * 4
    folder = Path(folders.pop())
    assert not folders
    assert (folder / "adapter_model.safetensors").read_bytes() == content
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/no-such-path", r"gives no token for blob storage: it answered \d+", id="refused"),
        pytest.param("", "gives no token for blob storage: ConnectError", id="not-there"),
    ],
)
def test_an_identity_that_gives_no_token_is_told_as_such(hub_url: str, tmp_path: Path, path: str, words: str) -> None:
    environ = {"IDENTITY_ENDPOINT": hub_url + path if path else "http://127.0.0.1:9", "IDENTITY_HEADER": "x"}
    with pytest.raises(WeightsMissing, match=words):
        BlobFolders(environ, tmp_path, seconds=0.5).fetch("https://a.blob.core.windows.net/c/f")


def test_what_is_no_blob_storage_is_told(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path, hub_emulator: EmulatorProfile
) -> None:
    url = put("adapter_config.json", b"{}")
    rule = {"path": "comp=list", "status": 200, "message": "Log in, please.", "times": 1}
    httpx.put(f"{hub_emulator.portal}/faults", json=[rule]).raise_for_status()
    try:
        with pytest.raises(WeightsMissing, match="is not blob storage: it sent no XML"):
            BlobFolders(identity, tmp_path).fetch(url)
    finally:
        httpx.delete(f"{hub_emulator.portal}/faults").raise_for_status()


def test_a_disk_that_becomes_full_is_told(
    put: Callable[[str, bytes], str], identity: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put("adapter_model.safetensors", LARGE)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(WeightsMissing, match=r"the disk became full while https://.*/lora was downloaded"):
        BlobFolders(identity, tmp_path).fetch(url)
    assert not list(tmp_path.rglob("*.part"))


def test_no_identity_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="neither IDENTITY_ENDPOINT nor MSI_ENDPOINT is set"):
        BlobFolders({}, tmp_path).fetch("https://a.blob.core.windows.net/c/f")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        pytest.param("https://a.blob.b/c/x/y", ("https://a.blob.b/c", "x/y/"), id="azure"),
        pytest.param("https://a.blob.b/c/x%20y/", ("https://a.blob.b/c", "x y/"), id="space"),
        pytest.param("https://h:1/blobstore/a.blob.x/c/x", ("https://h:1/blobstore/a.blob.x/c", "x/"), id="path-style"),
        pytest.param("http://127.0.0.1:10000/a/c/x", ("http://127.0.0.1:10000/a/c", "x/"), id="azurite"),
    ],
)
def test_addresses(url: str, parts: tuple[str, str]) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize("url", ["https://a.blob.core.windows.net/c", "azureml://datastores/x/paths/y", "/folder"])
def test_what_is_no_folder_is_refused(url: str) -> None:
    with pytest.raises(WeightsMissing, match="is no folder of blob storage"):
        split_url(url)
