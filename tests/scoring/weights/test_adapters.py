"""Folders of adapters: their rank, or why they are none."""

from pathlib import Path

import pytest

from scoring.errors import WeightsMissing
from scoring.weights.adapters import Adapter, check_fits, read_adapter
from tests.scoring.weights.tensors import ADAPTER, LORA, matrices, write


@pytest.mark.parametrize(
    ("config", "rank"),
    [
        pytest.param('{"r": 8}', 8, id="rank"),
        pytest.param('{"peft_type": "LORA", "r": 8, "rank_pattern": {"a": 4, "b": 32}}', 32, id="pattern"),
    ],
)
def test_the_highest_rank_counts(tmp_path: Path, config: str, rank: int) -> None:
    assert read_adapter("a", str(write(tmp_path, {**ADAPTER, "adapter_config.json": config}))).rank == rank


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({}, "holds no adapter", id="empty"),
        pytest.param({"config.json": "{}"}, "holds a whole model, not an adapter", id="model"),
        pytest.param({"adapter_config.json": LORA}, r"no adapter_model\.safetensors", id="no-tensors"),
        pytest.param({**ADAPTER, "adapter_config.json": "{}"}, "does not say a rank", id="no-rank"),
        pytest.param({**ADAPTER, "adapter_config.json": '{"r": 1e999}'}, "does not say a rank", id="endless-rank"),
        pytest.param({**ADAPTER, "adapter_config.json": "["}, "does not say a rank", id="no-json"),
        pytest.param({**ADAPTER, "adapter_config.json": '{"peft_type": "IA3", "r": 1}'}, "is a IA3 adapter", id="ia3"),
        pytest.param({**ADAPTER, "adapter_model.safetensors": b"cut"}, "is not a file of safetensors", id="cut-off"),
    ],
)
def test_what_is_no_adapter_is_told(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    with pytest.raises(WeightsMissing, match=words):
        read_adapter("a", str(write(tmp_path, files)))


@pytest.mark.parametrize(
    ("dtype", "width", "fits"),
    [
        pytest.param("BF16", 64, True, id="as-wide"),
        pytest.param("BF16", 576, False, id="another-model"),
        pytest.param("I32", 8, True, id="packed"),
    ],
)
def test_an_adapter_of_another_model_is_told(tmp_path: Path, dtype: str, width: int, fits: bool) -> None:
    lora = {"base_model.model.model.text_model.layers.0.mlp.up_proj.lora_A.weight": ("F32", [4, 64])}
    adapter = write(tmp_path / "a", {"adapter_model.safetensors": matrices(lora)})
    weights = {"model.layers.0.mlp.up_proj.weight": (dtype, [2, width]), "model.norm.weight": ("F32", [2])}
    model = write(tmp_path / "m", {"model.safetensors": matrices(weights)})
    if fits:
        check_fits([Adapter("sql", str(adapter), 4)], model)
        return
    with pytest.raises(
        WeightsMissing,
        match=r"adapter sql was trained for another model: its up_proj takes 64 numbers, and .* is 2 x 576",
    ):
        check_fits([Adapter("sql", str(adapter), 4)], model)


def test_a_matrix_without_a_shape_is_left_to_vllm(tmp_path: Path) -> None:
    lora = {"base_model.model.layers.0.mlp.up_proj.lora_A.weight": ("F32", list[int]())}
    adapter = write(tmp_path / "a", {"adapter_model.safetensors": matrices(lora)})
    model = write(
        tmp_path / "m", {"model.safetensors": matrices({"model.layers.0.mlp.up_proj.weight": ("F32", [2, 64])})}
    )
    check_fits([Adapter("sql", str(adapter), 4)], model)
