"""Folders whose files are not all there, or not whole, are told by the file's name."""

import json
import shutil
from pathlib import Path

import pytest

from scoring.errors import WeightsMissing
from scoring.weights.checking import MANIFEST, check_whole
from scoring.weights.disk import check_room, free_bytes, said_size
from scoring.weights.weights import checked_folder
from tests.scoring.weights.tensors import index, safetensors, write

WHOLE = safetensors(1000)
POINTER = b"version https://git-lfs.github.com/spec/v1"
INDEX, BIN_INDEX = "model.safetensors.index.json", "pytorch_model.bin.index.json"
ONE, TWO = "model-1.safetensors", "model-2.safetensors"
SHARDED = {"config.json": "{}", "model.safetensors.index.json": index(ONE, TWO)}


def manifest(**files: int) -> str:
    return json.dumps({"version": 1, "files": {name: {"size": size, "sha256": ""} for name, size in files.items()}})


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({**SHARDED, ONE: WHOLE}, f"{TWO} of 2 shards missing in ", id="a-shard"),
        pytest.param(SHARDED, f"{ONE} and 1 more of 2 shards missing in ", id="all-shards"),
        pytest.param({"model.safetensors": WHOLE[:-9]}, "has 1,065 bytes, and 1,074 by its own head", id="cut-off"),
        pytest.param({"model.safetensors": WHOLE + b"x"}, "has 1,075 bytes, and 1,074 by its own", id="too-long"),
        pytest.param({"model.safetensors": b"<html>"}, "(6 bytes) is not a file of safetensors", id="no-tensors"),
        pytest.param({"model.safetensors": b""}, "(0 bytes) is not a file of safetensors", id="empty"),
        pytest.param({MANIFEST: manifest(a=3)}, f"a is missing in .*{MANIFEST} names it with 3 bytes", id="not-there"),
        pytest.param({MANIFEST: manifest(a=3), "a": "four"}, f"has 4 bytes, and 3 by {MANIFEST}", id="another-size"),
        pytest.param({MANIFEST: "{"}, f"{MANIFEST} cannot be read", id="no-manifest"),
        pytest.param({MANIFEST: '{"files": ["a"]}'}, f"{MANIFEST} is damaged", id="manifest-of-another-form"),
        pytest.param({MANIFEST: '{"files": {"a": {}}}'}, f"{MANIFEST} is damaged", id="manifest-without-sizes"),
        pytest.param({INDEX: '{"weight_map": null}', ONE: WHOLE}, "its weight_map names no files", id="index-of-none"),
        pytest.param({INDEX: '{"weight_map": {"a": 1}}', ONE: WHOLE}, "names no files", id="index-of-numbers"),
        pytest.param({INDEX: "[]", ONE: WHOLE}, "is no index of weights", id="index-of-another-form"),
        pytest.param(
            {**SHARDED, BIN_INDEX: index("x.bin", "y.bin"), "x.bin": b"x"}, "y.bin of 2 shards missing", id="bin-shard"
        ),
        pytest.param({"pytorch_model.bin": b""}, "pytorch_model.bin is empty", id="empty-bin"),
        pytest.param({"pytorch_model.bin": POINTER}, "pytorch_model.bin (42 bytes) is not the file", id="bin-pointer"),
        pytest.param({"tokenizer.json": POINTER}, "tokenizer.json (42 bytes) is not the file", id="tokenizer-pointer"),
        pytest.param({}, "holds no weights that vLLM reads", id="no-weights"),
    ],
)
def test_what_is_not_whole_is_named(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    folder = write(tmp_path, {"config.json": "{}", **files})
    with pytest.raises(WeightsMissing, match=words.replace("(", r"\(").replace(")", r"\)")) as refused:
        checked_folder(str(folder))
    assert refused.value.hint


def test_a_pointer_of_git_lfs_is_told(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    write(tmp_path, {"config.json": "{}", "model.safetensors": pointer})
    with pytest.raises(WeightsMissing) as refused:
        checked_folder(str(tmp_path))
    assert "git lfs pull" in refused.value.hint


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"model.safetensors": WHOLE}, id="one-file"),
        pytest.param({**SHARDED, ONE: WHOLE, TWO: WHOLE}, id="shards"),
        pytest.param({MANIFEST: manifest(**{"sub/a": 1}), "sub/a": "x", "model.safetensors": WHOLE}, id="manifest"),
        pytest.param({"pytorch_model.bin": POINTER, INDEX: index(ONE), "model.safetensors": WHOLE}, id="both-formats"),
        pytest.param({"pytorch_model.bin": b"x", INDEX: index(ONE)}, id="the-other-format"),
        pytest.param({"x.bin": b"x", INDEX: index(ONE), BIN_INDEX: index("x.bin")}, id="the-other-format-in-shards"),
        pytest.param({"model.safetensors": WHOLE, BIN_INDEX: index("x.bin")}, id="index-of-the-other-format"),
    ],
)
def test_what_is_whole_is_taken(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert checked_folder(str(write(tmp_path, {"config.json": "{}", **files}))) == tmp_path


def test_a_manifest_above_the_model_counts(tmp_path: Path) -> None:
    write(tmp_path, {MANIFEST: manifest(**{"model/config.json": 2, "model/lost.bin": 2}), "model/config.json": "{}"})
    with pytest.raises(WeightsMissing, match=r"model/lost\.bin is missing"):
        check_whole(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("README.md", "holds no model: there is no config.json", id="no-model"),
        pytest.param("adapter_config.json", "holds an adapter, not a model", id="adapter"),
    ],
)
def test_folders_of_something_else(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(WeightsMissing, match=words):
        checked_folder(str(write(tmp_path, {name: "{}"})))


def test_a_disk_that_is_too_small_is_told_with_both_numbers(tmp_path: Path) -> None:
    below = tmp_path / "not" / "there" / "yet"
    check_room(below, free_bytes(tmp_path) // 2, "m")
    with pytest.raises(WeightsMissing, match=r"m needs 5000\.0 TB more on the disk of .*yet, and .*B are free"):
        check_room(below, 5_000_000_000_000_000, "m")
    assert free_bytes(below) == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (2.5e9, "2.5 GB")])
def test_sizes_as_people_read_them(count: float, said: str) -> None:
    assert said_size(count) == said
