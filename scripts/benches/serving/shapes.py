"""Folders of well-known models without their weights, for `--load-format dummy` on a GPU.

They have the layers and widths of the model, but the tokenizer and vocabulary of the demo model, so that every sampled
token has a text.
"""

import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")
SHAPES: dict[str, dict[str, Any]] = {
    "llama-8b": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "rope_theta": 500000.0,
        "tie_word_embeddings": False,
    },
    "qwen-0.5b": {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": True,
    },
}
# Three servers share one GPU, so each takes less than a third of its memory.
ARGUMENTS = ["--load-format", "dummy", "--dtype", "bfloat16", "--gpu-memory-utilization", "0.28"]


def shaped_model(name: str, demo: Path) -> Path:
    """Return the folder of a model of this shape, with a demo model's tokenizer; it is deleted when the bench ends."""
    if not (demo / "config.json").is_file():
        raise SystemExit(f"no demo model in {demo}\n\nhint: scripts/setup makes it; GATELIFT_CACHE_DIR names its cache")
    folder = Path(_folder(name).name)
    for file in TOKENIZER_FILES:
        shutil.copyfile(demo / file, folder / file)
    kept = json.loads((demo / "config.json").read_text())
    config = {
        "vocab_size": kept["vocab_size"],
        "bos_token_id": kept["bos_token_id"],
        "eos_token_id": kept["eos_token_id"],
        "hidden_act": "silu",
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-6,
        "dtype": "bfloat16",
        **SHAPES[name],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    return folder


@functools.cache
def _folder(name: str) -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix=f"gatelift-bench-{name}-")
