"""What a list of files says about the model in it, as `doctor` tells it."""

import json
from collections.abc import Callable

import pytest

from infra.hub.contents import look_at_adapter, look_at_model

SHARDS = {f"model-0000{number}-of-00003.safetensors": 2_000_000_000 for number in (1, 2, 3)}
CONFIG = {"config.json": 700}
ADAPTER = {"adapter_config.json": 500, "adapter_model.safetensors": 40_000_000}
NUMBERED = {name: 1 for name in SHARDS if "00002" not in name}


def reader(**documents: dict[str, object]) -> Callable[[str], bytes]:
    """The content of files by the first word of their names."""
    return lambda name: json.dumps(documents[name.partition(".")[0]]).encode()


def index(*names: str) -> dict[str, object]:
    return {"weight_map": {f"layer.{number}": name for number, name in enumerate(names)}}


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        pytest.param({**CONFIG, **SHARDS}, "3 files of safetensors weights, 6.00 GB", id="shards"),
        pytest.param({**CONFIG, "pytorch_model.bin": 5_000_000}, "1 file of bin weights, 0.01 GB", id="bin"),
        pytest.param({"params.json": 1, "consolidated.safetensors": None}, "1 file of safetensors", id="mistral"),
        pytest.param({**CONFIG, **SHARDS, **ADAPTER}, "3 files of safetensors weights, 6.00 GB", id="adapter-beside"),
        pytest.param({**CONFIG, **SHARDS, "model-q4.gguf": 1}, "3 files of safetensors weights", id="gguf-beside"),
    ],
)
def test_a_model_that_can_be_served(sizes: dict[str, int | None], words: str) -> None:
    contents = look_at_model(sizes)
    assert (contents.fault, words in contents.found) == ("", True), contents


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        pytest.param({**CONFIG, **NUMBERED}, "it lacks model-00002-of-00003.safetensors; 2 shards", id="a-shard"),
        pytest.param({**CONFIG, "model-00001-of-00009.safetensors": 1}, "and 5 more", id="many-shards"),
        pytest.param({"model.safetensors": 1}, "no config.json", id="no-config"),
        pytest.param({**CONFIG, "tokenizer.json": 1}, "a tokenizer and no weights", id="tokenizer-only"),
        pytest.param({**CONFIG}, "no weights", id="no-weights"),
        pytest.param({"README.md": 1, "m-q4.gguf": 1, "m-q8.gguf": 1}, "GGUF alone, such as m-q4.gguf", id="gguf-only"),
        pytest.param({**CONFIG, "tf_model.h5": 1}, "other formats alone, such as tf_model.h5", id="tensorflow-only"),
        pytest.param({**CONFIG, "onnx/model.bin": 1}, "no weights", id="onnx-only"),
        pytest.param(ADAPTER, "is a LoRA adapter", id="adapter-only"),
    ],
)
def test_what_keeps_a_model_from_being_served(sizes: dict[str, int | None], words: str) -> None:
    contents = look_at_model(sizes)
    assert (words in contents.fault, bool(contents.fix)) == (True, True), contents


@pytest.mark.parametrize(
    ("sizes", "listed", "fault"),
    [
        pytest.param({"a.safetensors": 1}, index("a.safetensors"), "", id="whole"),
        pytest.param(
            {"a.safetensors": 1}, index("a.safetensors", "b.safetensors"), "it lacks b.safetensors", id="a-shard"
        ),
        pytest.param({"a.safetensors": 1}, index("pytorch_model.bin"), "", id="an-index-of-another-format"),
        pytest.param({"a.safetensors": 1}, {"weight_map": ["?"]}, "", id="a-broken-index"),
    ],
)
def test_shards_that_the_index_names(sizes: dict[str, int | None], listed: dict[str, object], fault: str) -> None:
    sizes = {**CONFIG, **sizes, "model.safetensors.index.json": 1}
    assert look_at_model(sizes, reader(model=listed, config={})).fault.startswith(fault)
    assert bool(look_at_model(sizes, reader(model=listed, config={})).fault) == bool(fault)


def test_an_adapter_alone_names_its_base_and_the_way() -> None:
    contents = look_at_model(ADAPTER, reader(adapter_config={"base_model_name_or_path": "org/base"}))
    assert contents.fix == "name org/base in `model.id`, and this one in `model.adapters`"


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        pytest.param(ADAPTER, "", id="whole"),
        pytest.param({**CONFIG, **SHARDS}, "no LoRA adapter", id="a-model"),
        pytest.param({"adapter_config.json": 1}, "no weights of an adapter", id="no-weights"),
    ],
)
def test_an_adapter(sizes: dict[str, int | None], fault: str) -> None:
    contents = look_at_adapter(sizes)
    assert (fault in contents.fault, bool(contents.fault)) == (True, bool(fault))
