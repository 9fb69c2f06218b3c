"""How much memory the KV cache takes, as vLLM 0.32 lays it out; each figure is that of one GPU."""

from msgspec import Struct

from infra.sizing.architecture.records import Architecture


class CacheSetting(Struct, frozen=True):
    """The arguments of vLLM on which the cache depends."""

    dtype: str = "auto"
    """`kv_cache_dtype`."""
    tensor_parallel: int = 1
    block_size: int = 16
    """Tokens; vLLM's own default on CUDA, on a CPU it is 128."""
    batched_tokens: int = 8192
    """`max_num_batched_tokens`: what of a window is kept while a prompt is read."""


def bytes_per_token(architecture: Architecture, setting: CacheSetting) -> int:
    """What one more token takes while no window is full."""
    raise NotImplementedError


def bytes_per_sequence(architecture: Architecture, tokens: int, setting: CacheSetting) -> int:
    """What a sequence of so many tokens takes: whole blocks, windows capped, the state of layers that have one."""
    raise NotImplementedError


def block_count(architecture: Architecture, memory: int, setting: CacheSetting) -> int | None:
    """The blocks that vLLM's engine reports for so many bytes; None for what keeps no cache."""
    raise NotImplementedError


def tensor_parallel_sizes(architecture: Architecture) -> tuple[int, ...]:
    """The sizes 1, 2, 4, 8 … that vLLM accepts for the heads."""
    raise NotImplementedError
