"""How much memory the weights take, by the tensors that the headers of safetensors files name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from infra.sizing.architecture.records import Architecture, Weights
from infra.sizing.architecture.tensors import LOADED_WIDTH, Tensor, loaded_bytes, numbers, part_of, read_tensor

METADATA = "__metadata__"


def weights_of(heads: Iterable[Mapping[str, Any]], architecture: Architecture) -> Weights:
    """The weights in the headers of all files; a tensor that two of them name counts once."""
    tensors: dict[str, Tensor] = {}
    for head in heads:
        tensors |= {name: read_tensor(name, found) for name, found in head.items() if name != METADATA}
    by_dtype: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for tensor in tensors.values():
        part = part_of(tensor, architecture)
        by_dtype[tensor.dtype] += tensor.bytes
        parts[part] += tensor.bytes if part == "unused" else loaded_bytes(tensor, architecture)
        counted[part] += numbers(tensor, architecture)
    parameters = counted.total()
    return Weights(
        by_dtype.total(),
        parameters,
        parameters - counted["unused"] - _idle(counted["experts"], architecture),
        dict(by_dtype),
        exact=True,
        **parts,
    )


def weights_of_size(size: int, architecture: Architecture) -> Weights:
    """The weights where only the bytes of the files are known."""
    width = LOADED_WIDTH.get(architecture.dtype, 2)
    bits = architecture.quantization.bits if architecture.quantization else None
    parameters = size * 8 // (bits or 8 * LOADED_WIDTH.get(architecture.stored, width))
    loaded = size if architecture.quantization else parameters * width
    copies = 1 if architecture.tied else 2
    table = min(loaded, copies * architecture.vocabulary * architecture.hidden * width)
    return Weights(size, parameters, parameters, {}, exact=False, table=table, others=loaded - table)


def weights_per_gpu(architecture: Architecture, weights: Weights, tensor_parallel: int) -> int:
    """The bytes of the weights on one of so many GPUs; a vision tower counts whole, which is the most it can be."""
    if tensor_parallel <= 1:
        return weights.loaded
    divided = weights.table + weights.experts + weights.others
    parts = min(tensor_parallel, architecture.kv_heads or tensor_parallel)
    return weights.replicated + weights.towers + -(-divided // tensor_parallel) + -(-weights.cached // parts)


def _idle(parameters: int, architecture: Architecture) -> int:
    """Those of the experts that do not work on a token."""
    experts = architecture.experts
    return parameters - parameters * experts.active // experts.count if experts else 0
