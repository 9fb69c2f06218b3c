"""Which files of a model are copied: the same that the scoring server downloads, and none of them missing."""

import pytest

from infra.model_files import adapter_files, missing_shards, model_files
from scoring.weights.formats import FORMATS, chosen_adapter_files, chosen_files

REPOSITORIES = {
    "sharded": [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "README.md",
        "tokenizer.json",
    ],
    "trained": [
        "config.json",
        "model.safetensors",
        "optimizer.pt",
        "training_args.bin",
        "checkpoint-5/model.safetensors",
    ],
    "pickled": ["config.json", "pytorch_model.bin", "onnx/model.onnx", "onnx/config.json", "original/params.json"],
    "mistral": ["params.json", "consolidated.safetensors", "tekken.json", "tokenizer.model.v3"],
    "both": ["config.json", "params.json", "consolidated.safetensors", "model.safetensors"],
    "embedding": [
        "config.json",
        "1_Pooling/config.json",
        "2_Dense/model.safetensors",
        "model.safetensors",
        "vocab.txt",
    ],
    "with code": ["config.json", "modeling_x.py", "sub/more.py", "chat_template.jinja", "model.pt", "model.gguf"],
}


def test_the_manifest_of_an_earlier_copy_is_not_copied() -> None:
    assert model_files(["config.json", "gatelift-model.json", "model.safetensors"]) == [
        "config.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize("load_format", ["auto", "dummy", "mistral", *FORMATS])
@pytest.mark.parametrize("name", REPOSITORIES)
def test_what_is_copied_is_what_the_server_would_download(name: str, load_format: str) -> None:
    names = REPOSITORIES[name]
    assert model_files(names, load_format) == chosen_files(names, load_format)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "x.txt"], id="both"),
        pytest.param(["adapter_config.json", "adapter_model.bin", "tokenizer.json", "optimizer.pt"], id="pickled"),
    ],
)
def test_so_it_is_for_an_adapter(names: list[str]) -> None:
    assert adapter_files(names) == chosen_adapter_files(names)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        pytest.param(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], [], id="whole"),
        pytest.param(["a-00002-of-00003.bin"], ["a-00001-of-00003.bin", "a-00003-of-00003.bin"], id="middle-alone"),
        pytest.param(["model.safetensors", "part-1-of-2.txt"], [], id="no-shards"),
    ],
)
def test_missing_shards_have_their_names(names: list[str], missing: list[str]) -> None:
    assert missing_shards(names) == missing
