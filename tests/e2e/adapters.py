"""LoRA adapters for SmolLM2-135M, made by hand: random ones, each of which makes the model say something of its own."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

LAYERS, HIDDEN, KEYS, RANK = 30, 576, 192, 4
OUTPUTS = {"q_proj": HIDDEN, "v_proj": KEYS}


def make_adapter(folder: Path, seed: int) -> Path:
    """Write an adapter as peft's `save_pretrained` does, with the numbers of this seed."""
    numbers = np.random.default_rng(seed)
    tensors = {}
    for layer in range(LAYERS):
        for module, outputs in OUTPUTS.items():
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}.lora"
            tensors[f"{name}_A.weight"] = numbers.normal(0, 0.05, (RANK, HIDDEN)).astype(np.float32)
            tensors[f"{name}_B.weight"] = numbers.normal(0, 0.5, (outputs, RANK)).astype(np.float32)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": list(OUTPUTS),
        "bias": "none",
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
