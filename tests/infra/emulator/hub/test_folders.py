"""Repositories whose files are a folder of this machine."""

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi, snapshot_download

from infra.emulator.hub.seed import apply_hub_seed
from infra.emulator.seed.file import SeedError, read_seed
from infra.emulator.world import World
from tests.infra.emulator.hub.conftest import repos_of


@pytest.fixture
def seed_with_folder(tmp_path: Path) -> Path:
    """A seed beside the folder of its one repository."""
    folder = tmp_path / "seeds" / "m"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"w" * 5000)
    (folder / "sub" / "notes.txt").write_text("notes")
    (folder / ".hidden").write_text("not a file of the model")
    seed = tmp_path / "seeds" / "seed.json"
    seed.write_text(json.dumps({"hub": {"repos": [{"id": "acme/folder", "folder": "./m"}]}}))
    return seed


def test_the_files_of_a_folder_are_the_repositorys(
    hub: str, bare_world: World, seed_with_folder: Path, tmp_path: Path
) -> None:
    apply_hub_seed(bare_world.store, repos_of(bare_world), read_seed(seed_with_folder)["hub"])
    found = Path(snapshot_download("acme/folder", endpoint=hub, token=False, cache_dir=tmp_path / "cache"))
    assert sorted(str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()) == [
        "config.json",
        "model.safetensors",
        "sub/notes.txt",
    ]
    assert (found / "model.safetensors").read_bytes() == b"w" * 5000
    before = HfApi(endpoint=hub).model_info("acme/folder").sha
    (seed_with_folder.parent / "m" / "config.json").write_text('{"changed": true}')
    assert HfApi(endpoint=hub).model_info("acme/folder").sha != before


def test_a_folder_that_is_not_there_is_refused(seed_with_folder: Path) -> None:
    seed_with_folder.write_text(seed_with_folder.read_text().replace("./m", "./n"))
    with pytest.raises(SeedError, match=r"acme/folder: there is no folder \./n") as refused:
        read_seed(seed_with_folder)
    assert str(seed_with_folder.parent / "n") in refused.value.hint
