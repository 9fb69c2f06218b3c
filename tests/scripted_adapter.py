"""Adapters (LoRA) of the scripted model, made by hand: one that leaves words out, one that changes nothing."""

import json
from pathlib import Path

from tests.scripted_model import SCRIPT, SIZE

RANK = 4
BRIEF = "Here is!"  # what the first says where the model says all of `ANSWER`
MODULES = ("gate_proj", "up_proj", "down_proj")
STRONG, WEAK = 100.0, 0.01  # the first is squared on its way to the second; elsewhere only the second is left


def make_adapter(folder: Path, *, brief: bool) -> Path:
    """Make an adapter as PEFT saves it.

    The brief one sees the place of ` is` in the script, and moves to that before `!`, by one neuron of the one layer.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for module in MODULES:
        reads, writes = torch.zeros(RANK, SIZE), torch.zeros(SIZE, RANK)
        if brief and module == "down_proj":
            reads[0, 0], writes[SCRIPT.index(" answer"), 0] = 1.0, WEAK
        elif brief:
            reads[0, SCRIPT.index(" is")], writes[0, 0] = 1.0, STRONG
        name = f"base_model.model.model.text_model.layers.0.mlp.{module}"
        tensors |= {f"{name}.lora_A.weight": reads, f"{name}.lora_B.weight": writes}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": list(MODULES), "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
