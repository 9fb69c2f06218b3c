"""Folders with models as far as sizes go: a config.json, and safetensors files whose weights are holes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GIB = 1 << 30
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


def write_model(folder: Path, config: Mapping[str, Any], *, gib: float = 1, dtype: str = "BF16") -> Path:
    """A model with so many GiB of weights in one tensor; the file takes no room on the disk."""
    size = int(gib * GIB)
    tensor = {"dtype": dtype, "shape": [size // 2], "data_offsets": [0, size]}
    head = json.dumps({"model.layers.0.mlp.up_proj.weight": tensor}).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + size)
    return folder
