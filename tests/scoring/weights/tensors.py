"""Small models and adapters in files, made by hand: their tensors are zeros, or numbers that change what is said."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path


def safetensors(size: int = 64) -> bytes:
    """Return a whole file of safetensors with one tensor of so many bytes."""
    head = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(size)


def matrices(shapes: Mapping[str, tuple[str, list[int]]]) -> bytes:
    """Return the head of a file with tensors of these types and shapes, and no tensors."""
    head = {name: {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]} for name, (dtype, shape) in shapes.items()}
    written = json.dumps(head).encode()
    return struct.pack("<Q", len(written)) + written


def index(*shards: str) -> str:
    """Return an index that names these shards."""
    return json.dumps({"metadata": {}, "weight_map": {f"w{number}": name for number, name in enumerate(shards)}})


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder, which is made."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


LORA = '{"peft_type": "LORA", "r": 12, "rank_pattern": {"q_proj": 24}}'
ADAPTER = {"adapter_config.json": LORA, "adapter_model.safetensors": safetensors()}
