"""Any model with `--local`: from a folder, from the Hub behind the emulated one, from a copy of it, from an asset.

A second emulator plays the Hub on the internet. The tests build on each other in order.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from tests.e2e.adapters import make_adapter
from tests.e2e.machine import Machine
from tests.e2e.stacks import Stack

TOKEN = "hf_ofapersonxyz1"
GATED = {"gated": "manual", "access": {"ann": "accepted"}}
ORG = "acme"


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory, smollm2_weights: Path) -> Iterator[EmulatorProfile]:
    """The Hub on the internet: a gated model, and an adapter for it that is gated as well."""
    folder = tmp_path_factory.mktemp("internet")
    make_adapter(folder / "two", seed=2)
    repos: list[dict[str, Any]] = [
        {"id": f"{ORG}/model", "folder": str(smollm2_weights), **GATED},
        {"id": f"{ORG}/two", "folder": "./two", **GATED},
    ]
    seed = {"hub": {"tokens": [{"value": TOKEN, "user": "ann"}], "repos": repos}}
    (folder / "seed.json").write_text(json.dumps(seed))
    yield launcher.start(folder / "state", seed=folder / "seed.json")
    launcher.stop(folder / "state")


@pytest.fixture(scope="module")
def stack(machine: Machine, internet: EmulatorProfile, smollm2_weights: Path) -> Stack:
    """The stack, beside a folder `my-model`; its machine has a cache of its own."""
    cache = machine.folder / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(smollm2_weights.parent)
    machine.environ.update(GATELIFT_CACHE_DIR=str(cache), HF_ENDPOINT=internet.hub)
    make_adapter(machine.folder / "one", seed=1)
    shutil.copytree(smollm2_weights, machine.folder / "my-model", copy_function=lambda a, b: Path(b).hardlink_to(a))
    started = machine.json("emulator", "start")
    return Stack(machine, started["portal"], "--local")


def test_a_folder_is_served_with_an_adapter_and_without_a_copy(stack: Stack, machine: Machine) -> None:
    stack.write(path="./my-model", adapters=[{"name": "one", "path": "./one"}])
    assert stack.up()["weights"] == "create"
    said = stack.answers()
    assert ("Paris" in said["my-model"], set(said)) == (True, {"my-model", "one"})
    assert said["one"] != said["my-model"]
    (mounted,) = machine.state.glob("staging/*/*/var/azureml-app/azureml-models/*/*/*/model.safetensors")
    assert mounted.samefile(machine.folder / "my-model" / "model.safetensors")


def test_a_second_up_adds_a_gated_adapter_of_the_hub(stack: Stack) -> None:
    adapters = [{"name": "one", "path": "./one"}, {"name": "two", "id": f"{ORG}/two"}]
    stack.write(path="./my-model", adapters=adapters)
    refused = stack.run("up", "--yes")
    assert (refused.returncode, "token" in refused.stderr) == (1, True), refused.stderr
    changes = stack.up(HF_TOKEN=TOKEN)
    assert (changes["deployment"], changes["connection"], changes["weights"]) == ("update", "create", "none")
    said = stack.answers()
    assert (set(said), len(set(said.values()))) == ({"my-model", "one", "two"}, 3), said


def test_a_killed_container_comes_back_with_everything(stack: Stack) -> None:
    before = stack.answers()
    stack.kill()
    assert stack.answers() == before


def test_a_mirror_needs_the_hub_once(stack: Stack, machine: Machine, internet: EmulatorProfile) -> None:
    stack.write(id=f"{ORG}/model", mirror=True)
    assert stack.up(HF_TOKEN=TOKEN)["weights"] == "create"
    assert "Paris" in stack.answers()[f"{ORG}/model"]
    cut = {"target": "hub", "path": f"/{ORG}/", "reset": True}
    httpx.put(f"{internet.portal}/faults", json=[cut], trust_env=False).raise_for_status()
    shutil.rmtree(machine.folder / "cache" / "hub")
    machine.run("emulator", "stop")
    machine.json("emulator", "start")
    stack.wait_until_ready()
    assert "Paris" in stack.answers()[f"{ORG}/model"]
    assert (machine.folder / "cache" / "hub").exists() is False


def test_an_asset_of_the_sdk_is_served(stack: Stack, machine: Machine) -> None:
    profile = machine.json("emulator", "status")
    upload = [sys.executable, Path(__file__).with_name("sdk_upload.py"), json.dumps(profile), "tuned", "my-model"]
    environ = machine.environ | profile["environment"]
    subprocess.run(upload, env=environ, cwd=machine.folder, check=True, capture_output=True, timeout=120)
    stack.write(asset="azureml:tuned:1")
    stack.up()
    assert "Paris" in stack.answers()["tuned"]


def test_down_leaves_what_is_shared(stack: Stack, machine: Machine) -> None:
    done = stack.run("down", "--yes")
    assert done.returncode == 0, done.stderr
    resources = machine.json("emulator", "inspect")["resources"]
    left = {each["id"].split("/models/")[1].split("/")[0] for each in resources if "/models/" in each["id"]}
    assert {f"{ORG}-model-weights", "my-model-weights", "one-weights", "tuned"} <= left
