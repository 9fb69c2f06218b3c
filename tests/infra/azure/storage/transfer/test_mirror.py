"""The files of a model on the Hub on their way into the workspace's storage."""

import copy
import json
import random
import signal
from typing import Any

import pytest
from msgspec.structs import replace

from infra.azure.cloud import Follower, SourceFile
from infra.azure.storage.assets import AzureAssets
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotFound, Refused
from tests.infra.azure.storage.conftest import HUB_FILES, SMALL, TOKEN

FETCHED = {"method": "PUT", "path": r"comp=block&.*blockid=YzAw", "delay": 0}  # blocks whose names begin with c00
PASSED = {"method": "PUT", "path": r"comp=block&.*blockid=czAw", "delay": 0}  # … with s00
SIGNED = {"target": "hub", "path": "^/cdn/"}


@pytest.fixture
def listed(target: Target) -> Any:
    """The files of a repository of the emulated Hub, as `mirror` takes them."""

    def listed(repo: str, token: str | None = None) -> list[SourceFile]:
        facts = target.hub.model(repo, None, token)
        return [
            SourceFile(
                file.name,
                file.size or 0,
                file.sha256,
                file.git_oid,
                url=target.hub.resolve_url(repo, facts.revision, file.name),
            )
            for file in facts.files
        ]

    return listed


def whole(blobs: Any, folder: str, files: dict[str, int]) -> bool:
    """Whether these files of a repository are in a folder, with a manifest."""
    manifest = json.loads(blobs.download_blob(f"{folder}/gatelift-model.json").readall())
    assert {name: file["size"] for name, file in manifest["files"].items()} == files
    return all(
        blobs.download_blob(f"{folder}/{name}").readall() == random.Random(name).randbytes(size)
        for name, size in files.items()
    )


def test_the_service_fetches_large_files(target: Target, listed: Any, faults: Any, blobs: Any) -> None:
    faults(FETCHED, PASSED)
    seen: list[tuple[int, int]] = []
    files = listed("org/open")
    target.cloud.assets.send(files, "mirror/open", follower=Follower(lambda *now: seen.append(now)))
    assert whole(blobs, "mirror/open", HUB_FILES)
    assert [rule["struck"] for rule in faults()] == [3, 0]  # of 70 MiB and of 20 MiB, 64 MiB at a time
    assert seen[-1] == (sum(file.size for file in files),) * 2
    properties = blobs.get_blob_client("mirror/open/model-1.safetensors").get_blob_properties()
    assert properties.metadata == {"sha256": files[1].sha256}
    target.cloud.assets.send(files, "mirror/open")
    assert [rule["struck"] for rule in faults()] == [3, 0], "it was sent twice"


@pytest.mark.parametrize(
    ("rules", "passed"),
    [
        pytest.param([SIGNED | {"status": 403, "times": 1}], 0, id="address-expired"),
        pytest.param([FETCHED | {"status": 403, "code": "CannotVerifyCopySource"}], 3, id="service-never-gets-it"),
        pytest.param([FETCHED | {"status": 400, "code": "InvalidInput"}], 3, id="source-refused"),
        pytest.param([SIGNED | {"reset": True, "times": 1}], 0, id="source-cut"),
        pytest.param([{"target": "hub", "path": "/resolve/", "status": 503, "times": 2}], 0, id="hub-down"),
    ],
)
def test_what_the_service_cannot_fetch_passes_through_here(
    target: Target, listed: Any, faults: Any, blobs: Any, rules: Any, passed: int
) -> None:
    faults(*rules, PASSED)
    said: list[str] = []
    target.cloud.assets.send(
        listed("org/small"), "mirror/passed", follower=Follower(tell=said.append, detail=said.append)
    )
    if passed:
        assert said[0].startswith("the storage service cannot fetch model-2.safetensors from the Hub (")
        assert (said[0].endswith("pass through this machine"), said[1][:22]) == (True, "through this machine (")
        assert rules[0]["code"] in said[0]
        assert rules[0]["code"] in said[1]
    else:
        assert not any("this machine" in line for line in said)
    assert whole(blobs, "mirror/passed", SMALL)
    assert faults()[-1]["struck"] == passed
    for blob in list(blobs.list_blobs(name_starts_with="mirror/passed")):
        blobs.delete_blob(blob.name)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"status": 403, "times": 2}, id="address-expired"),
        pytest.param({"status": 429, "headers": {"Retry-After": "1"}, "times": 3}, id="throttled"),
        pytest.param({"status": 503, "times": 3}, id="down"),
        pytest.param({"reset": True, "times": 4}, id="cut"),
        pytest.param({"delay": 0.5, "times": 3}, id="slow"),
    ],
)
def test_bad_days_of_the_hub_end_well(target: Target, listed: Any, faults: Any, blobs: Any, rule: Any) -> None:
    faults(SIGNED | rule, PASSED)
    AzureAssets(target.workspace, target.arm, target.portal, streamed=True).send(listed("org/small"), "mirror/streamed")
    assert whole(blobs, "mirror/streamed", SMALL)
    assert [rule["struck"] for rule in faults()] == [rule["times"], 3]
    for blob in list(blobs.list_blobs(name_starts_with="mirror/streamed")):
        blobs.delete_blob(blob.name)


@pytest.mark.parametrize("fault", [pytest.param({"status": 503}, id="down"), pytest.param({"reset": True}, id="cut")])
@pytest.mark.parametrize(
    ("path", "name", "most"),
    [
        pytest.param("/resolve/", "config.json", 5, id="hub"),
        pytest.param(
            "^/cdn/", "model-2.safetensors", 23, id="its-storage"
        ),  # three blocks; a kept connection is one try more
    ],
)
def test_a_hub_that_stays_down_is_asked_five_times(
    target: Target, listed: Any, faults: Any, fault: Any, path: str, name: str, most: int
) -> None:
    files = [file for file in listed("org/small") if file.name == name]
    faults({"target": "hub", "path": path, **fault})
    with pytest.raises(GateliftError) as caught:
        AzureAssets(target.workspace, target.arm, target.portal, streamed=True).send(files, "mirror/down")
    assert caught.value.hint.endswith("what has arrived stays")
    assert faults()[0]["struck"] <= most


def test_all_threads_together_wait_no_longer_than_the_setting(target: Target, listed: Any, faults: Any) -> None:
    files = [file for file in listed("org/small") if file.name == "model-2.safetensors"]  # three blocks
    faults(SIGNED | {"status": 429, "headers": {"Retry-After": "2"}})
    arm = copy.copy(target.arm)
    arm.timeouts = replace(arm.timeouts, hub_pauses=3.0)
    said: list[str] = []
    with pytest.raises(GateliftError, match="429") as caught:
        AzureAssets(target.workspace, arm, target.portal, streamed=True).send(
            files, "mirror/throttled", follower=Follower(tell=said.append)
        )
    assert caught.value.code == "hub_throttled"
    assert said == ["the Hub answers 429 and asks to wait 2 s: waiting"]
    assert faults()[0]["struck"] <= 6, "each thread has waited for itself"


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_was_interrupted_goes_on(
    target: Target, listed: Any, faults: Any, blobs: Any, send_and_die: Any, share: float
) -> None:
    files, place = listed("org/open"), f"mirror/stopped-{share}"
    faults(FETCHED)
    assert send_and_die(files, place, share, signal.SIGKILL) != 0
    target.cloud.assets.send(files, place)
    assert whole(blobs, place, HUB_FILES)
    assert 3 <= faults()[0]["struck"] <= 5, "three blocks, and those on their way when it was killed"


def test_a_gated_model_needs_the_token(target: Target, listed: Any, blobs: Any) -> None:
    files = listed("org/gated", TOKEN)
    with pytest.raises((AccessDenied, NotFound)):
        target.cloud.assets.send(files, "mirror/gated")
    assert list(blobs.list_blobs(name_starts_with="mirror/gated")) == []
    target.cloud.assets.send(files, "mirror/gated", token=TOKEN)
    assert whole(blobs, "mirror/gated", SMALL)


@pytest.mark.parametrize("name", ["config.json", "model-2.safetensors"])
def test_another_file_than_the_hub_has_listed_is_not_kept(target: Target, listed: Any, blobs: Any, name: str) -> None:
    file = next(file for file in listed("org/open") if file.name == name)
    wrong = replace(file, sha256=file.sha256 and "f" * 64, git_oid=file.git_oid and "f" * 40)
    with pytest.raises(Refused, match="another"):
        target.cloud.assets.send([wrong], "mirror/wrong")
    assert list(blobs.list_blobs(name_starts_with="mirror/wrong")) == []


def test_a_file_of_which_the_hub_tells_no_hash(target: Target, listed: Any, blobs: Any) -> None:
    files = [replace(file, sha256="", git_oid="") for file in listed("org/small")]
    target.cloud.assets.send(files, "mirror/masked")
    assert whole(blobs, "mirror/masked", SMALL)
