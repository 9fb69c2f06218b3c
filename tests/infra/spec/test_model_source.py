"""The spec's `model`: one source of several, adapters beside it, and what is wrong with a folder."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.errors import SpecError
from infra.spec.file import load_spec
from infra.spec.model_source import ModelSpec

SPEC = """\
name: demo
model: MODEL
workspace: {subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: group, name: workspace}
endpoint: {name: demo-endpoint}
deployment: {instance_type: Standard_NC24ads_A100_v4, engine: ENGINE}
"""
REGISTERED = "azureml://registries/mine/models/x/versions/1"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 5\n"


def read(tmp_path: Path, model: str, engine: str = "{}", *, folders: bool = False) -> Any:
    path = tmp_path / "demo.yaml"
    path.write_text(SPEC.replace("MODEL", model).replace("ENGINE", engine), encoding="utf-8")
    return load_spec(path, environ={}, local=False, folders=folders)


def tensors(size: int, *, cut: int = 0) -> bytes:
    """A safetensors file with one tensor of so many bytes, of which the last `cut` are missing."""
    header = json.dumps({"t": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return (struct.pack("<Q", len(header)) + header + b"\0" * size)[: -cut or None]


@pytest.mark.parametrize(
    ("model", "label", "hub_id"),
    [
        pytest.param("{id: org/name}", "org/name", "org/name", id="hub"),
        pytest.param("{path: ./my-model/}", "my-model", "", id="folder"),
        pytest.param("{path: .}", "", "", id="the-spec-s-own-folder"),
        pytest.param("{path: cache/models--org--name/snapshots/abc}", "org/name", "", id="snapshot-of-the-hub"),
        pytest.param("{asset: 'azureml:tuned:3'}", "tuned", "", id="asset"),
        pytest.param("{asset: 'azureml:tuned@latest'}", "tuned", "", id="latest"),
        pytest.param(f"{{asset: '{REGISTERED}'}}", "x", "", id="of-a-registry"),
    ],
)
def test_a_model_has_a_name_wherever_it_comes_from(tmp_path: Path, model: str, label: str, hub_id: str) -> None:
    found: ModelSpec = read(tmp_path, model).model
    assert (found.label, found.hub_id) == (label or tmp_path.name, hub_id)
    assert found.name == found.label


@pytest.mark.parametrize(
    ("model", "engine", "said"),
    [
        pytest.param("{}", "{}", "model: has none of id, path and asset", id="none"),
        pytest.param("{id: a/b, path: ./x}", "{}", "model: has id and path, but one of them is enough", id="two"),
        pytest.param("{path: ./x, revision: main}", "{}", "revision goes with `id` alone", id="revision-of-a-folder"),
        pytest.param("{asset: tuned}", "{}", "model.asset: 'tuned' must be azureml:NAME:VERSION", id="no-asset"),
        pytest.param("{asset: 'azureml:tuned'}", "{}", "'azureml:tuned' must be azureml:NAME:VERSION", id="no-version"),
        pytest.param(
            "{id: a/b, adapters: [{name: x, id: c/d}, {name: x, id: e/f}]}",
            "{}",
            "two adapters are called 'x'",
            id="twice",
        ),
        pytest.param(
            "{id: a/b, adapters: [{name: a/b, id: c/d}]}",
            "{}",
            "an adapter is called 'a/b', as the model",
            id="as-model",
        ),
        pytest.param("{id: a/b, adapters: [{id: c/d}]}", "{}", "model.adapters.0.name: is missing", id="nameless"),
        pytest.param(
            f"{{id: a/b, adapters: [{{name: x, asset: '{REGISTERED}'}}]}}",
            "{}",
            "model.adapters.0: the adapter 'x' is of a registry: Azure mounts one model asset only",
            id="adapter-of-a-registry",
        ),
        pytest.param(
            f"{{id: '{REGISTERED}', mirror: true}}",
            "{}",
            "comes with its own container: mirror and adapters",
            id="mirror",
        ),
        pytest.param(
            "{id: a/b, adapters: [{name: x, id: c/d}]}",
            "{lora_modules: ['y=/z']}",
            "deployment: engine.lora_modules is set through model.adapters",
            id="adapters-by-hand",
        ),
        pytest.param(
            "{id: a/b, adapters: [{name: x, id: c/d}]}",
            "{enable-lora: true}",
            "deployment: engine.enable_lora is set through model.adapters",
            id="lora-by-hand",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, model: str, engine: str, said: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(tmp_path, model, engine)
    assert said in str(refused.value)
    assert "demo.yaml:" in str(refused.value)
    assert refused.value.hint


def _empty(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")


def _no_weights(folder: Path) -> None:
    (folder / "config.json").write_text("{}")


def _missing_shard(folder: Path) -> None:
    _no_weights(folder)
    (folder / SHARDS[0]).write_bytes(tensors(8))


def _unlisted_shard(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model-a.safetensors").write_bytes(tensors(8))
    weight_map = {"one": "model-a.safetensors", "two": "model-b.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def _cut(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model.safetensors").write_bytes(tensors(1000, cut=400))


def _pointer(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model.safetensors").write_bytes(POINTER)


def _no_bytes(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model.safetensors").write_bytes(b"")


def _empty_config(folder: Path) -> None:
    (folder / "config.json").write_text("")
    (folder / "model.safetensors").write_bytes(tensors(8))


def _loop(folder: Path) -> None:
    _no_weights(folder)
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")


def _latin(folder: Path) -> None:
    _no_weights(folder)
    (folder / os.fsdecode(b"caf\xe9.json")).write_text("{}")


def _adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')


def _link(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model.safetensors").symlink_to("/etc/hostname")


def _ignored(folder: Path) -> None:
    _no_weights(folder)
    (folder / "model.safetensors").write_bytes(tensors(8))
    (folder / ".amlignore").write_text("*.safetensors\n")


def _too_many(folder: Path) -> None:
    _no_weights(folder)
    for number in range(1501):
        (folder / f"model-{number}.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(_empty, "has no config.json", id="no-model"),
        pytest.param(_no_weights, "has no weights: *.safetensors, *.bin or *.pt", id="no-weights"),
        pytest.param(_missing_shard, f"lacks {SHARDS[1]}, of which its other files tell", id="missing-shard"),
        pytest.param(_unlisted_shard, "lacks model-b.safetensors, of which its other files tell", id="by-the-index"),
        pytest.param(_cut, "is cut off: 674 of 1,074 bytes are there", id="half-copied"),
        pytest.param(_no_bytes, "model.safetensors' is empty", id="empty-weights"),
        pytest.param(_empty_config, "config.json' is not JSON", id="empty-config"),
        pytest.param(_loop, "is a symbolic link that leads back to itself", id="loop"),
        pytest.param(_latin, "has a character in its name that no blob may have", id="not-utf-8"),
        pytest.param(_pointer, "is a pointer of git-lfs, not the weights", id="git-lfs"),
        pytest.param(_adapter, "has a LoRA adapter, which needs the model that it was made for", id="adapter"),
        pytest.param(_link, "is a symbolic link to /etc/hostname, outside of", id="link-out"),
        pytest.param(_ignored, "has no weights", id="ignored"),
        pytest.param(_too_many, "has 1502 files, and Azure takes 1500 in a model version", id="too-many"),
    ],
)
def test_what_is_wrong_with_a_folder_is_told_with_file_line_and_field(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    make(folder)
    assert read(tmp_path, "{path: ./m}").model.path == str(folder), "most commands do not look into it"
    with pytest.raises(SpecError) as refused:
        read(tmp_path, "{path: ./m}", folders=True)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'demo.yaml'}:2: model.path: ")
    assert str(folder) in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param("{path: ./none}", "model.path: '{}/none' does not exist", id="none"),
        pytest.param("{path: ./demo.yaml}", "model.path: '{}/demo.yaml' is a file, not a folder", id="file"),
        pytest.param(
            "{id: a/b, adapters: [{name: x, path: ./none}]}",
            "model.adapters.0.path: '{}/none' does not exist",
            id="of-an-adapter",
        ),
    ],
)
def test_a_folder_that_is_not_there_is_told(tmp_path: Path, model: str, said: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(tmp_path, model, folders=True)
    assert said.format(tmp_path) in str(refused.value)


def test_a_snapshot_in_the_hub_s_cache_may_link_to_its_blobs(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    blobs = tmp_path / "models--org--name" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name, content in {"config.json": b"{}", "model.safetensors": tensors(8)}.items():
        (blobs / f"{name}-hash").write_bytes(content)
        (snapshot / name).symlink_to(Path("..", "..", "blobs", f"{name}-hash"))
    model = f"{{path: {snapshot.relative_to(tmp_path)}}}"
    assert read(tmp_path, model, folders=True).model.label == "org/name"
    (tmp_path / "link").symlink_to(snapshot)
    assert read(tmp_path, "{path: ./link}", folders=True).model.label == "link"


def test_random_weights_need_no_files(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    _no_weights(tmp_path / "m")
    assert read(tmp_path, "{path: ./m}", "{load_format: dummy}", folders=True).model.label == "m"
