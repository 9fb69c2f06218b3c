"""How much memory the weights take, by the tensors that the headers of safetensors files name."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.sizing.architecture.records import Architecture, Weights


def weights_of(heads: Iterable[Mapping[str, Any]], architecture: Architecture) -> Weights:
    """The weights in the headers of all files; a tensor that two of them name counts once."""
    raise NotImplementedError


def weights_of_size(size: int, architecture: Architecture) -> Weights:
    """The weights where only the bytes of the files are known."""
    raise NotImplementedError


def weights_per_gpu(architecture: Architecture, weights: Weights, tensor_parallel: int) -> int:
    """The bytes of the weights on one of so many GPUs."""
    raise NotImplementedError
