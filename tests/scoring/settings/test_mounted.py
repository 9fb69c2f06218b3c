"""Which folder of a mounted model asset holds the model."""

from pathlib import Path

import pytest

from scoring.errors import BadSettings
from scoring.settings.mounted import mounted_model, mounted_name


def mounted(root: Path, *files: str) -> Path | None:
    """Return what is found in a folder with these files, relative to it."""
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    found = mounted_model(str(root))
    return None if found is None else found.relative_to(root)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param(["config.json", "1_Pooling/config.json"], ".", id="at-the-root"),
        pytest.param(["model/config.json"], "model", id="one-below"),
        pytest.param(["a/b/c/config.json", "a/README.md"], "a/b/c", id="three-below"),
        pytest.param(["model/params.json"], "model", id="mistrals-own"),
        pytest.param(["model/config.json", "model/adapter_config.json"], "model", id="both-configs"),
        pytest.param(["model/config.json", ".cache/config.json"], "model", id="beside-a-hidden-folder"),
    ],
)
def test_the_model_is_found_wherever_it_lies(tmp_path: Path, files: list[str], found: str) -> None:
    assert mounted(tmp_path, *files) == Path(found)


@pytest.mark.parametrize("files", [["README.md"], ["a/b/c/d/config.json"]])
def test_nothing_is_found(tmp_path: Path, files: list[str]) -> None:
    assert mounted(tmp_path, *files) is None
    assert mounted_model(str(tmp_path / "none")) is mounted_model(None) is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param(["a/config.json", "b/config.json"], "holds 2 models: a, b", id="two-models"),
        pytest.param(["adapter_config.json"], "holds an adapter, not a model", id="adapter"),
        pytest.param(["sql/adapter_config.json"], "holds an adapter, not a model: .*sql", id="adapter-below"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, files: list[str], words: str) -> None:
    with pytest.raises(BadSettings, match=words) as refused:
        mounted(tmp_path, *files)
    assert "SCORING_ADAPTERS" in refused.value.hint


def test_an_asset_gives_its_name_whatever_its_version() -> None:
    root = "/var/azureml-app/azureml-models/my-weights/0a1b2c3d4e5f"
    assert mounted_name(root, Path(root, "model")) == "my-weights"
