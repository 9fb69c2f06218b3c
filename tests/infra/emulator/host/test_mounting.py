"""A mounted model: where a container finds its files, and that no byte of them is copied."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.mounting import place_file, size_on_disk
from infra.emulator.world import World

pytestmark = pytest.mark.anyio
WEIGHTS = b"weights of some size"


async def mounted_at(world: World, deployment: str) -> Path:
    """Start it; its AZUREML_MODEL_DIR."""
    await world.host.start(deployment)
    return model_dir(world.host.ready(deployment)[0])


def model_dir(url: str) -> Path:
    return Path(httpx.get(f"{url}/describe", trust_env=False).json()["environment"]["AZUREML_MODEL_DIR"])


@pytest.fixture
def model(world: World, workspace: Any) -> str:
    """A model version of two files, in a folder that has others beside it."""
    world.blobs.put("assets", "up/weights/config.json", b"{}")
    world.blobs.put("assets", "up/weights/sub/model.safetensors", WEIGHTS)
    world.blobs.put("assets", "up/weights-of-others/config.json", b"{}")
    id = f"{workspace.id}/models/tiny/versions/3"
    workspace.put(id, {"modelUri": "https://127.0.0.1/assets/up/weights/"})
    return id


async def test_a_model_is_in_a_folder_of_its_own_below_name_and_version(
    world: World, workspace: Any, model: str
) -> None:
    folder = await mounted_at(world, workspace.put_deployment(model=f"azureml:{model}"))
    assert folder.parts[-5:] == ("var", "azureml-app", "azureml-models", "tiny", "3")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"weights/config.json", "weights/sub/model.safetensors"}
    staged = world.host.logs(workspace.blue, "StorageInitializer", 50)
    assert f"model tiny:3: 2 files, {2 + len(WEIGHTS)} bytes" in staged


async def test_a_blob_is_mounted_without_a_copy_and_read_only(world: World, workspace: Any, model: str) -> None:
    folder = await mounted_at(world, workspace.put_deployment(model=model))
    mounted = folder / "weights" / "sub" / "model.safetensors"
    assert mounted.samefile(world.blobs.content("assets", "up/weights/sub/model.safetensors"))
    assert mounted.stat().st_mode & 0o222 == 0
    world.blobs.put("assets", "up/weights/sub/model.safetensors", b"another model")
    assert mounted.read_bytes() == WEIGHTS


async def test_a_single_file_is_mounted_as_it_is(world: World, workspace: Any) -> None:
    world.blobs.put("assets", "up/model.gguf", WEIGHTS)
    file = f"{workspace.id}/models/file/versions/1"
    workspace.put(file, {"modelUri": "https://127.0.0.1/assets/up/model.gguf"})
    folder = await mounted_at(world, workspace.put_deployment(model=file))
    assert (folder / "model.gguf").read_bytes() == WEIGHTS


async def test_a_label_names_the_newest_version(world: World, workspace: Any) -> None:
    for version in ("1", "2"):
        world.blobs.put("assets", f"tiny{version}/config.json", b"{}")
        model = f"{workspace.id}/models/tiny/versions/{version}"
        workspace.put(model, {"modelUri": f"https://127.0.0.1/assets/tiny{version}"})
    deployment = workspace.put_deployment(model=f"{workspace.id}/models/tiny/labels/latest")
    folder = await mounted_at(world, deployment)
    assert (folder.parts[-2:], [path.name for path in folder.iterdir()]) == (("tiny", "2"), ["tiny2"])


async def test_a_model_of_a_registry_is_mounted(world: World, workspace: Any) -> None:
    registry = workspace.id.replace("/workspaces/local", "/registries/HuggingFace")
    workspace.put(registry, {})
    world.blobs.put("assets", "shared/config.json", b"{}")
    workspace.put(f"{registry}/models/tiny/versions/7", {"modelUri": "https://127.0.0.1/assets/shared"})
    for reference in ("versions/7", "labels/latest"):
        model = f"azureml://registries/HuggingFace/models/tiny/{reference}"
        folder = await mounted_at(world, workspace.put_deployment(model=model, modelMountPath="/mnt/model"))
        assert str(folder).endswith("/mnt/model/tiny/7")
        assert (folder / "shared" / "config.json").is_file()


async def test_what_is_not_in_storage_fails_the_deployment(world: World, workspace: Any, model: str) -> None:
    workspace.put(model, {"modelUri": "https://127.0.0.1/assets/up/weight"})
    with pytest.raises(DeploymentFailed, match="there is nothing at"):
        await world.host.start(workspace.put_deployment(model=model))


def test_a_file_of_a_users_folder_is_linked_to_and_left_as_it_is(tmp_path: Path) -> None:
    """Also one that is a link itself, as in the cache of huggingface_hub."""
    (tmp_path / "blob").write_bytes(WEIGHTS)
    (tmp_path / "model.safetensors").symlink_to("blob")
    mode = (tmp_path / "blob").stat().st_mode
    place_file(tmp_path / "model.safetensors", tmp_path / "placed", ours=tmp_path / "blobs")
    assert os.readlink(tmp_path / "placed") == str(tmp_path / "blob")
    assert (tmp_path / "blob").stat().st_mode == mode


def test_what_has_vanished_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place_file(tmp_path / "nothing", tmp_path / "placed", ours=tmp_path / "blobs")


def test_a_file_with_several_names_takes_its_size_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "file").write_bytes(WEIGHTS)
    (tmp_path / "a" / "link").symlink_to("file")
    os.link(tmp_path / "a" / "file", tmp_path / "b" / "hard")
    assert size_on_disk(tmp_path / "a", tmp_path / "b") == len(WEIGHTS)
