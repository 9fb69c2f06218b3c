"""Any model on an emulated Azure, without `--local`: uploaded from a folder, or copied from the Hub, which is then cut.

The tests build on each other in order.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.adapters import make_adapter
from tests.e2e.machine import Machine
from tests.e2e.stacks import Stack
from tests.infra.ci_cloud import CiCloud

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SUBJECT = "repo:octo/models:environment:azure"
TOKEN = "hf_ofapersonxyz1"
GATED = {"gated": "manual", "access": {"ann": "accepted"}}
CUT = [{"target": "hub", "reset": True}]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, smollm2_weights: Path) -> Iterator[CiCloud]:
    """Azure, and a Hub with a gated model and a gated adapter for it."""
    folder = tmp_path_factory.mktemp("azure")
    make_adapter(folder / "two", seed=2)
    repos: list[dict[str, Any]] = [
        {"id": "acme/model", "folder": str(smollm2_weights), **GATED},
        {"id": "acme/two", "folder": "./two", **GATED},
    ]
    where = {"subscription_id": SUBSCRIPTION, "resource_group": "gatelift", "name": "local", "location": "eastus"}
    seed = {"workspaces": [where], "hub": {"tokens": [{"value": TOKEN, "user": "ann"}], "repos": repos}}
    cloud = CiCloud(folder, seed, group=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/gatelift")
    cloud.trust(SUBJECT)
    yield cloud
    cloud.close()


@pytest.fixture(scope="module")
def stack(cloud: CiCloud, tmp_path_factory: pytest.TempPathFactory, smollm2_weights: Path) -> Stack:
    """A stack on it, beside a folder `my-model`."""
    folder = tmp_path_factory.mktemp("runner")
    make_adapter(folder / "one", seed=1)
    shutil.copytree(smollm2_weights, folder / "my-model", copy_function=lambda a, b: Path(b).hardlink_to(a))
    path = {"PATH": "/usr/bin:/bin", "GATELIFT_CACHE_DIR": str(folder / "cache")}
    return Stack(Machine(folder, cloud.github(SUBJECT) | path), cloud.profile.portal)


def test_an_uploaded_folder_and_adapter_need_no_hub(stack: Stack, cloud: CiCloud) -> None:
    cloud.portal("faults", CUT)
    stack.write(path="./my-model", adapters=[{"name": "one", "path": "./one"}])
    assert stack.up()["weights"] == "create"
    said = stack.answers()
    assert ("Paris" in said["my-model"], said["one"] != said["my-model"]) == (True, True)
    cloud.portal("faults", [])


def test_a_mirror_with_an_adapter_works_without_the_hub(stack: Stack, cloud: CiCloud) -> None:
    stack.write(id="acme/model", mirror=True, adapters=[{"name": "two", "id": "acme/two"}])
    stack.up(HF_TOKEN=TOKEN)
    cloud.portal("faults", CUT)
    before = stack.answers()
    assert ("Paris" in before["acme/model"], len(set(before.values()))) == (True, 2)
    stack.kill()
    assert stack.answers() == before
    assert {action for kind, action in stack.up().items() if kind != "image"} == {"none"}
