"""What a tensor is, by its name: which part of the model, how many numbers, and what becomes of it in vLLM."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from msgspec import Struct

from infra.sizing.architecture.records import Architecture

WIDTHS = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
}
LARGEST = 1 << 63  # of what a file can hold
FLOATS = ("F64", "F32", "F16", "BF16")
LOADED_WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2}
TABLE = re.compile(
    r"(^|\.)(embed_tokens|lm_head|wte|word_embeddings|embed_out|tok_embeddings|embeddings|embed_in)\.weight$|^output\.weight$"
)
TOWER = re.compile(
    r"(^|\.)(vision_tower|vision_model|vision_encoder|visual|multi_modal_projector|vision_language_adapter|mlp1"
    r"|patch_merger|pre_mm_projector_norm|audio_tower|embed_vision|mm_projector|vision_embed_tokens|connector)(\.|$)"
)
EXPERT = re.compile(r"\.experts\.|block_sparse_moe\.(input|output)_linear\.")
CACHED = re.compile(r"\.(k_proj|v_proj)\.")
REPLICATED = re.compile(
    r"(norm|layernorm|ln_\d|ln_f)\b|\.(gate|router)\.|router\.|\.(q_a_proj|kv_a_proj_with_mqa|indexer)\b|position_embeddings|token_type"
)
FURTHER = re.compile(r"(^|\.)mtp(\.|_)|\.nextn\.")
LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
SCALE = re.compile(
    r"(scales?|scale_inv|scale_2|zero_points?|qzeros|g_idx|absmax|quant_map|quant_state\.\w+|weight_shape|inv_freq|weight_g_idx"
    r"|nested_absmax|nested_quant_map|_amax)$"
)
PACKED = re.compile(r"(qweight|weight_packed|_blocks|weight)$")


class Tensor(Struct, frozen=True):
    """A tensor in a file."""

    name: str
    dtype: str
    bytes: int
    elements: int


def read_tensor(name: str, found: dict[str, Any]) -> Tensor:
    """A tensor as a header of safetensors has it; raises `ValueError` and the like for what is none."""
    (first, last), shape = found["data_offsets"], found["shape"]
    whole = all(isinstance(one, int) and 0 <= one < LARGEST for one in (first, last, *shape, prod(shape)))
    if not whole or first > last:
        raise ValueError(f"{name} is no tensor")
    return Tensor(name, str(found["dtype"]), last - first, prod(shape))


def part_of(tensor: Tensor, architecture: Architecture) -> str:
    """Which part of `Weights` it belongs to."""
    name = tensor.name
    layer = LAYER.search(name)
    tower = TOWER.search(name)
    if not tower and (FURTHER.search(name) or (layer and architecture.depth and int(layer[1]) >= architecture.depth)):
        return "unused"
    if name.endswith("inv_freq"):
        return "unused"
    if tower:
        return "towers"
    if TABLE.search(name):
        return "table"
    if EXPERT.search(name):
        return "experts"
    if CACHED.search(name):
        return "cached"
    return "replicated" if REPLICATED.search(name) else "others"


def loaded_bytes(tensor: Tensor, architecture: Architecture) -> int:
    """Its bytes in memory: floating numbers become those that vLLM computes with, everything else stays."""
    if tensor.dtype in FLOATS and not SCALE.search(tensor.name):
        return tensor.elements * LOADED_WIDTH.get(architecture.dtype, 2)
    return tensor.bytes


def numbers(tensor: Tensor, architecture: Architecture) -> int:
    """How many numbers of the model it holds: none for scales, several in one element where they are packed."""
    if SCALE.search(tensor.name):
        return 0
    quantized = architecture.quantization
    packs = tensor.dtype in ("I32", "U8", "I8", "I64") and quantized and quantized.bits
    if packs and PACKED.search(tensor.name):
        return tensor.elements * 8 * WIDTHS.get(tensor.dtype, 1) // packs
    return tensor.elements
