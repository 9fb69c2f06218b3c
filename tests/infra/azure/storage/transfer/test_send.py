"""The files of a model on their way from a folder into the workspace's storage."""

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.azure.cloud import Follower, SourceFile
from infra.azure.storage.hashes import hashes
from infra.azure.storage.transfer.blocks import MOST_THREADS
from infra.azure.storage.transfer.service import Service
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError
from tests.infra.azure.storage.conftest import MIB

BLOCKS = {"method": "PUT", "path": "comp=block(&|$)", "delay": 0}
SIZE = 84 * MIB + 5


def test_files_and_manifest_arrive(target: Target, folder: Any, blobs: Any, tmp_path: Any) -> None:
    files = hashes(folder(config=3, deep__weights=5000, empty=0), tmp_path)
    seen: list[tuple[int, int]] = []
    about = {"model": "org/any", "revision": "f" * 40}
    uri = target.cloud.assets.send(files, "weights/sent", about=about, follower=Follower(lambda *now: seen.append(now)))
    assert uri.endswith("/datastores/workspaceblobstore/paths/weights/sent")
    assert seen[-1] == (5003, 5003)
    for file in files:
        assert blobs.download_blob(f"weights/sent/{file.name}").readall() == file.path.read_bytes()
    manifest = json.loads(blobs.download_blob("weights/sent/gatelift-model.json").readall())
    listed = {file.name: {"size": file.size, "sha256": file.sha256} for file in files}
    assert manifest == {"version": 1, **about, "files": listed}


def test_nothing_is_sent_twice(target: Target, folder: Any, faults: Any, blobs: Any) -> None:
    files = folder(large=20 * MIB, small=10)
    target.cloud.assets.send(files, "weights/twice")
    assert blobs.download_blob("weights/twice/large").readall() == files[0].path.read_bytes()
    faults(BLOCKS | {"path": "weights/twice/(large|small)"})
    seen: list[tuple[int, int]] = []
    target.cloud.assets.send(files, "weights/twice", follower=Follower(lambda *now: seen.append(now)))
    assert faults()[0]["struck"] == 0
    assert seen[-1] == (20 * MIB + 10,) * 2


def test_a_blob_that_nobody_vouches_for_is_replaced(target: Target, folder: Any, blobs: Any) -> None:
    files = folder(weights=10)
    blobs.upload_blob("weights/strange/weights", b"0123456789")
    target.cloud.assets.send(files, "weights/strange")
    assert blobs.download_blob("weights/strange/weights").readall() == files[0].path.read_bytes()


def test_blocks_of_another_tool_make_way(target: Target, folder: Any, blobs: Any) -> None:
    files = folder(weights=20 * MIB)
    blobs.get_blob_client("weights/foreign/weights").stage_block("1", b"of somebody else")
    target.cloud.assets.send(files, "weights/foreign")
    assert blobs.download_blob("weights/foreign/weights").readall() == files[0].path.read_bytes()


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: signal.Signals(number).name)
def test_what_was_interrupted_goes_on(
    target: Target, folder: Any, faults: Any, blobs: Any, send_and_die: Any, share: float, number: int
) -> None:
    files, place = folder(weights=SIZE), f"weights/stopped-{share}-{number}"
    count = -(-SIZE // (8 * MIB))
    faults(BLOCKS)
    assert send_and_die(files, place, share, number) != 0
    first = faults()[0]["struck"]
    _, waiting = blobs.get_blob_client(f"{place}/weights").get_block_list("uncommitted")
    assert sum(block.size for block in waiting) >= share * SIZE
    seen: list[int] = []
    target.cloud.assets.send(files, place, follower=Follower(lambda done, total: seen.append(done)))
    assert blobs.download_blob(f"{place}/weights").readall() == files[0].path.read_bytes()
    assert faults()[0]["struck"] - first == count - len(waiting)
    assert min(seen) >= share * SIZE, "what was there does not count as done"
    assert first - len(waiting) <= MOST_THREADS, "more than what was on its way is sent again"


def test_a_file_that_changes_meanwhile_is_not_kept(target: Target, folder: Any, blobs: Any) -> None:
    files = folder(weights=SIZE)

    def write(done: int, total: int) -> None:
        with files[0].path.open("r+b") as file:
            file.write(b"changed")

    with pytest.raises(GateliftError, match="weights changed while it was sent"):
        target.cloud.assets.send(files, "weights/changing", follower=Follower(write))
    assert list(blobs.list_blobs(name_starts_with="weights/changing")) == []


def test_a_file_that_changed_since_the_plan_is_not_sent(target: Target, folder: Any, blobs: Any, tmp_path: Any) -> None:
    files = hashes(folder(weights=100), tmp_path)
    files[0].path.write_bytes(b"0" * 100)
    with pytest.raises(GateliftError, match="weights changed"):
        target.cloud.assets.send(files, "weights/planned")
    assert list(blobs.list_blobs(name_starts_with="weights/planned")) == []


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"status": 503, "code": "ServerBusy", "times": 3}, id="busy"),
        pytest.param({"reset": True, "times": 3}, id="connection-cut"),
        pytest.param({"after": True, "times": 2}, id="answer-lost"),
        pytest.param({"status": 403, "code": "AuthenticationFailed", "skip": 3, "times": 1}, id="signature-expired"),
        pytest.param({"delay": 0.5, "times": 4}, id="slow"),
    ],
)
def test_bad_days_of_the_service_end_well(target: Target, folder: Any, faults: Any, blobs: Any, rule: Any) -> None:
    files = folder(weights=SIZE)
    faults(BLOCKS | rule)
    target.cloud.assets.send(files, "weights/bad-days")
    assert faults()[0]["struck"] == rule["times"]
    assert blobs.download_blob("weights/bad-days/weights").readall() == files[0].path.read_bytes()
    blobs.delete_blob("weights/bad-days/weights")


def test_one_clear_error_and_the_next_run_goes_on(target: Target, folder: Any, faults: Any, blobs: Any) -> None:
    files = folder(first=SIZE, second=20 * MIB)
    refusal = {"method": "PUT", "path": "refused/first.*comp=block&", "skip": 5}
    faults(refusal | {"status": 403, "code": "AuthorizationPermissionMismatch", "message": "no"})
    with pytest.raises(AccessDenied) as caught:
        target.cloud.assets.send(files, "weights/refused")
    assert caught.value.code == "AuthorizationPermissionMismatch"
    assert list(blobs.list_blobs(name_starts_with="weights/refused")) == []
    faults(BLOCKS | {"path": "refused/first.*comp=block&"})
    target.cloud.assets.send(files, "weights/refused")
    assert faults()[0]["struck"] == -(-SIZE // (8 * MIB)) - 5
    assert blobs.download_blob("weights/refused/first").readall() == files[0].path.read_bytes()


def test_an_account_without_keys_is_written_with_the_login(
    target: Target, folder: Any, blobs: Any, allow_blobs: Callable[[], None]
) -> None:
    files = folder(weights=20 * MIB)
    httpx.put(f"{target.portal}/settings", json={"storage_shared_keys": 0}, trust_env=False).raise_for_status()
    with pytest.raises(AccessDenied):
        target.cloud.assets.send(files, "weights/keyless")
    allow_blobs()
    target.cloud.assets.send(files, "weights/keyless")
    httpx.put(f"{target.portal}/settings", json={"storage_shared_keys": 1}, trust_env=False).raise_for_status()
    assert blobs.download_blob("weights/keyless/weights").readall() == files[0].path.read_bytes()


def test_a_signature_is_renewed_before_it_expires(target: Target, faults: Any) -> None:
    faults({"path": "listSecrets", "delay": 0})
    passed = [0.0]
    service = Service(target.arm, target.workspace, lambda: time.time() + passed[0])
    for minutes, asked in ((0, 1), (54, 1), (56, 2), (57, 3)):
        passed[0] = 60.0 * minutes
        service.put("weights/renewed", b"", {})
        assert faults()[0]["struck"] == asked
    service.close()


def test_two_runs_at_once(target: Target, folder: Any, blobs: Any) -> None:
    files = folder(large=SIZE, small=10)

    def send(_: int) -> str:
        return target.cloud.assets.send(files, "weights/both")

    with ThreadPoolExecutor() as both:
        assert len(set(both.map(send, range(2)))) == 1
    assert blobs.download_blob("weights/both/large").readall() == files[0].path.read_bytes()


def test_hashes_are_remembered_until_the_file_changes(folder: Any, tmp_path: Any) -> None:
    files: list[SourceFile] = folder(weights=5 * MIB)
    read: list[int] = []
    first = hashes(files, tmp_path / "cache", lambda done, total: read.append(done))
    kept = tmp_path / "cache" / "hashes.json"
    if kept.exists():  # not yet where the file is too young to be sure
        kept.unlink()
    assert files[0].path
    os.utime(files[0].path, (1_000_000_000, 1_000_000_000))
    hashes(files, tmp_path / "cache")
    text = kept.read_text()
    kept.write_text(text.replace(first[0].sha256, "f" * 64))
    assert hashes(files, tmp_path / "cache")[0].sha256 == "f" * 64, "it was read again"
    os.utime(files[0].path, (1_100_000_000, 1_100_000_000))
    assert hashes(files, tmp_path / "cache")[0].sha256 == first[0].sha256
    kept.write_text("{")
    assert hashes(files, tmp_path / "cache")[0].sha256 == first[0].sha256
