"""Which files of a repository are fetched; a mirror holds the same ones."""

from collections.abc import Callable

import pytest

from infra.model_files import model_files
from scoring.weights.formats import chosen_adapter_files, chosen_files

Choose = Callable[[list[str], str], list[str]]
CONFIG = ["config.json", "tokenizer.json"]
BOTH = [*CONFIG, "model.safetensors", "consolidated.safetensors", "pytorch_model.bin", "params.json"]


@pytest.mark.parametrize("choose", [chosen_files, model_files], ids=["container", "mirror"])
@pytest.mark.parametrize(
    ("names", "load_format", "chosen"),
    [
        pytest.param(BOTH, "auto", [*CONFIG, "params.json", "model.safetensors"], id="safetensors-first"),
        pytest.param(BOTH, "mistral", [*CONFIG, "params.json", "consolidated.safetensors"], id="mistral"),
        pytest.param(BOTH, "pt", [*CONFIG, "params.json", "pytorch_model.bin"], id="older-format"),
        pytest.param(BOTH, "dummy", [*CONFIG, "params.json"], id="no-tensors"),
        pytest.param(
            ["params.json", "tekken.json", "consolidated.safetensors"], "auto",
            ["params.json", "tekken.json", "consolidated.safetensors"], id="mistrals-own-alone",
        ),
        pytest.param(
            [*CONFIG, "pytorch_model.bin", "training_args.bin", "optimizer.pt", "checkpoint-10/model.safetensors"],
            "auto", [*CONFIG, "pytorch_model.bin"], id="what-a-training-leaves",
        ),
        pytest.param(
            [*CONFIG, "model.safetensors", "original/params.json", "onnx/model.onnx", "openvino/m.bin", "metal/m.bin"],
            "auto", [*CONFIG, "model.safetensors"], id="other-folders",
        ),
        pytest.param(
            [*CONFIG, "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"], "auto",
            [*CONFIG, "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"], id="modules",
        ),
        pytest.param([*CONFIG, "own.py", "README.md", "model.gguf"], "auto", [*CONFIG, "own.py"], id="code"),
    ],
)  # fmt: skip
def test_one_format_and_what_describes_it(
    choose: object, names: list[str], load_format: str, chosen: list[str]
) -> None:
    assert callable(choose)
    assert choose(names, load_format) == sorted(chosen)


def test_adapters_are_two_files() -> None:
    names = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "tokenizer.json", "README.md"]
    assert chosen_adapter_files(names) == ["adapter_config.json", "adapter_model.safetensors"]
    assert chosen_adapter_files(names[:1] + names[2:]) == ["adapter_config.json", "adapter_model.bin"]
