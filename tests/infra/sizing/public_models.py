"""Twelve public models: their config.json, and their tensors as the classes of transformers have them."""

import json
from collections.abc import Mapping
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.records import Weights
from infra.sizing.fit import Model
from infra.sizing.overhead import read_widths

CONFIGS, COUNTED = Path(__file__).with_name("configs"), Path(__file__).with_name("weights.json")
NAMES = sorted(file.stem for file in CONFIGS.glob("*.json"))


def config_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text())
    return found


def model_of(name: str) -> Model:
    """The model with the weights that were counted from `header_of` once."""
    config, weights = config_of(name), _counted()[name]
    architecture = read_architecture(config)
    return Model(name, architecture, weights, read_widths(config, architecture), weights.bytes)


@cache
def _counted() -> dict[str, Weights]:
    return msgspec.json.decode(COUNTED.read_bytes(), type=dict[str, Weights])


def header_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the headers of its safetensors files say together."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in _shapes(config).items():
        for stored, dtype, dimensions, width in _stored(name, shape, config):
            size = prod(dimensions) * width
            header[stored] = {"dtype": dtype, "shape": dimensions, "data_offsets": [end, end + size]}
            end += size
    return header


def _shapes(config: Mapping[str, Any]) -> dict[str, list[int]]:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText

    plain = {name: value for name, value in config.items() if name not in ("quantization_config", "auto_map")}
    kind = plain.pop("model_type")
    build: Any = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
    with torch.device("meta"):
        built = (AutoModel if kind == "xlm-roberta" else build).from_config(AutoConfig.for_model(kind, **plain))
    shapes = {name: list(parameter.shape) for name, parameter in built.named_parameters()}
    if kind == "mistral3":  # its repository has an output layer of its own, which the class ties
        shapes["lm_head.weight"] = [131072, 5120]
    return shapes


def _stored(name: str, shape: list[int], config: Mapping[str, Any]) -> list[tuple[str, str, list[int], int]]:
    """The tensors in the file for one of the model: name, type, shape and bytes of an element."""
    method = (config.get("quantization_config") or {}).get("quant_method")
    if method == "mxfp4" and ".experts." in name and name.endswith("_proj"):
        experts, wide, high = shape
        blocks = [experts, high, wide // 32, 16]
        return [(f"{name}_blocks", "U8", blocks, 1), (f"{name}_scales", "U8", blocks[:3], 1)]
    plain = len(shape) < 2 or any(part in name for part in ("embed_tokens", "lm_head", "gate.weight"))
    if method == "fp8" and not plain:
        scales = [prod(shape[:-2]) * -(-shape[-2] // 128), -(-shape[-1] // 128)]
        return [(name, "F8_E4M3", shape, 1), (f"{name}_scale_inv", "F32", scales, 4)]
    return [(name, "F32", shape, 4)] if config.get("torch_dtype") == "float32" else [(name, "BF16", shape, 2)]
