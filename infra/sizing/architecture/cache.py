"""How much memory the KV cache takes, as vLLM 0.32 lays it out; each figure is that of one GPU."""

from __future__ import annotations

from infra.sizing.architecture.pages import CacheGroup, layout_of, token_bytes
from infra.sizing.architecture.pages import CacheSetting as CacheSetting
from infra.sizing.architecture.records import Architecture

SIZES = (1, 2, 4, 8, 16, 32)
STATES = 2  # of a sequence, where prefixes are cached: the one that grows, and the last whole one
OF_MAMBA2 = 3  # and the one at the last whole block of the prompt
IN_FLIGHT = 2  # batches at once: vLLM prepares one while the other runs


def bytes_per_token(architecture: Architecture, setting: CacheSetting) -> int:
    """What one more token takes while no window is full; 0 for what keeps no cache."""
    layers = [one for one in architecture.layers if one.keeps_tokens]
    return sum(one.count * token_bytes(architecture, one, setting) for one in layers)


def bytes_per_sequence(architecture: Architecture, tokens: int, setting: CacheSetting) -> int:
    """What a sequence of so many tokens takes: whole blocks, windows capped, the state of layers that have one."""
    layout = layout_of(architecture, setting)
    if layout is None:
        return 0
    alone = not any(one.keeps_tokens for one in architecture.layers)
    blocks = sum(one.copies * _blocks(one, tokens, setting, alone=alone) for one in layout.groups)
    return blocks * layout.block_bytes


def block_count(architecture: Architecture, memory: int, setting: CacheSetting) -> int | None:
    """The blocks that vLLM's engine reports for so many bytes; None for what keeps no cache."""
    layout = layout_of(architecture, setting)
    return None if layout is None else max(0, memory // layout.block_bytes)


def block_bytes(architecture: Architecture, setting: CacheSetting) -> int:
    """The bytes of one block; 0 for what keeps no cache."""
    layout = layout_of(architecture, setting)
    return layout.block_bytes if layout else 0


def tensor_parallel_sizes(architecture: Architecture) -> tuple[int, ...]:
    """The sizes 1, 2, 4, 8 … that vLLM accepts for the heads."""
    return tuple(size for size in SIZES if _divides(architecture, size))


def _blocks(group: CacheGroup, tokens: int, setting: CacheSetting, *, alone: bool) -> int:
    """The blocks of a group that vLLM sets aside for a sequence; `alone`: for a model of layers with state only."""
    layer = group.layer
    if not layer.keeps_tokens:
        kept = OF_MAMBA2 if layer.kind == "mamba2" else STATES
        return kept if setting.keeps_states and not alone else 1
    in_flight = IN_FLIGHT * setting.batched_tokens
    if layer.kind == "sliding":  # one more, as a window seldom starts where a block does
        return -(-min(layer.window - 1 + in_flight, tokens) // group.block) + 1
    held = min(layer.window + in_flight, tokens) if layer.kind == "chunked" else tokens
    return -(-held // group.block)


def _divides(architecture: Architecture, size: int) -> bool:
    """Whether the heads, those of keys and values, and those of states can be divided among so many GPUs."""
    if architecture.heads % size or any(one % size for one in architecture.also_divided):
        return False
    for layer in architecture.layers:
        many = layer.kv_heads
        if layer.kind in ("full", "sliding", "chunked") and many and many % size and size % many:
            return False
    return True
