"""Folders of adapters: their rank, or why they are none."""

from pathlib import Path

import pytest

from scoring.errors import WeightsMissing
from scoring.weights.adapters import read_adapter
from tests.scoring.weights.tensors import ADAPTER, LORA, write


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
        pytest.param({**ADAPTER, "adapter_config.json": "["}, "does not say a rank", id="no-json"),
        pytest.param({**ADAPTER, "adapter_config.json": '{"peft_type": "IA3", "r": 1}'}, "is a IA3 adapter", id="ia3"),
        pytest.param({**ADAPTER, "adapter_model.safetensors": b"cut"}, "is not a file of safetensors", id="cut-off"),
    ],
)
def test_what_is_no_adapter_is_told(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    with pytest.raises(WeightsMissing, match=words):
        read_adapter("a", str(write(tmp_path, files)))
