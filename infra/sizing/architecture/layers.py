"""Sorts a model's layers by what they keep for a sequence, as vLLM 0.32 does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import structs

from infra.sizing.architecture.families import Family
from infra.sizing.architecture.fields import Fields
from infra.sizing.architecture.records import LayerGroup
from infra.sizing.architecture.states import (
    convolution_layers,
    delta_layers,
    falcon_layers,
    granite_layers,
    jamba_layers,
    mamba2_layers,
    mamba_layers,
    nemotron_layers,
)

FULL, SLIDING, LINEAR = "full_attention", "sliding_attention", "linear_attention"
SPELLINGS = {"attention": FULL, "mamba": LINEAR, "sliding": SLIDING, "full": FULL, "*": FULL, "M": LINEAR}
WITHOUT_CACHE = ("moe", "mlp", "-", "E")  # layers of Nemotron-H that keep nothing
INDEX_BYTES = 4  # of the scale of each 128 values in the cache of DeepSeek's sparse attention
Sorted = tuple[LayerGroup, ...]


def sorted_layers(fields: Fields, family: Family, depth: int) -> Sorted:
    """The layers, alike ones together; what cannot be is among the faults of `fields`."""
    found = RULES[family.rule](fields, family, depth)
    if any(one.count < 0 or (one.keeps_tokens and not one.kv_heads * one.head_size) for one in found):
        fields.faults.append("config.json has heads or layers of no size")
    return found


def attention(fields: Fields, family: Family, count: int) -> LayerGroup:
    """Layers of full attention."""
    heads = fields.needed("num_attention_heads")
    size = head_size(fields, family)
    kv_heads = fields.number("num_key_value_heads", "num_kv_heads", "n_head_kv", "num_attention_groups") or heads
    if kv_heads and heads % kv_heads:
        fields.faults.append(
            f"config.json has {heads} heads of queries for {kv_heads} of keys, which do not divide them"
        )
    return LayerGroup("full", count, heads, kv_heads, size, size)


def head_size(fields: Fields, family: Family) -> int:
    """The size of a head: `head_dim`, or the hidden size by the heads."""
    explicit = fields.number("head_dim") if family.own_head_size else None
    return explicit or fields.needed("hidden_size") // (fields.needed("num_attention_heads") or 1)


def _attention(fields: Fields, family: Family, depth: int) -> Sorted:
    own = depth - _shared(fields)
    full, window = attention(fields, family, own), _window(fields)
    if not window:
        return (full,)
    types = _types(fields, depth) or _by_pattern(fields, family, depth) or [SLIDING] * depth
    sliding = types[:own].count(SLIDING)
    if sliding < own and not family.mixed:
        sliding = 0
    window += fields.model_type == "cohere2"  # it sees one token more than it says
    return _parted(full, window, sliding)


def _gemma4(fields: Fields, family: Family, depth: int) -> Sorted:
    """Gemma 4: its full layers have heads of another size, and may have fewer of keys."""
    parts = _attention(fields, family, depth)
    size, kv_heads = fields.number("global_head_dim") or 512, fields.number("num_global_key_value_heads")
    stated = fields.value("per_layer_config")
    for one in stated.values() if isinstance(stated, dict) else ():  # as transformers writes the same
        inner = Fields(one if isinstance(one, dict) else {})
        size, kv_heads = inner.number("head_dim") or size, inner.number("num_key_value_heads") or kv_heads
        fields.faults += inner.faults
    apart = fields.flag("attention_k_eq_v") or fields.has("per_layer_config")
    return tuple(
        structs.replace(one, head_size=size, value_size=size, kv_heads=(apart and kv_heads) or one.kv_heads)
        if one.kind == "full"
        else one
        for one in parts
    )


def _shared(fields: Fields) -> int:
    """How many of the last layers look at what others keep."""
    stated = fields.number("num_kv_shared_layers")
    return 15 if stated is None and fields.model_type == "gemma3n_text" else stated or 0


def _parity(fields: Fields, family: Family, depth: int) -> Sorted:
    """gpt-oss: every other layer slides, whatever `layer_types` says."""
    full, window = attention(fields, family, depth), _window(fields)
    return _parted(full, window, (depth + 1) // 2) if window else (full,)


def _parted(full: LayerGroup, window: int, sliding: int) -> Sorted:
    slides = LayerGroup("sliding", sliding, full.heads, full.kv_heads, full.head_size, full.value_size, window)
    rest = LayerGroup("full", full.count - sliding, full.heads, full.kv_heads, full.head_size, full.value_size)
    return tuple(one for one in (rest, slides) if one.count)


def _llama4(fields: Fields, family: Family, depth: int) -> Sorted:
    full = attention(fields, family, depth)
    chunk = fields.number("attention_chunk_size") if fields.has("attention_chunk_size") else 8192
    every = fields.number("no_rope_layer_interval") or 4
    with_rope = fields.numbers("no_rope_layers") or [int((index + 1) % every != 0) for index in range(depth)]
    chunked = sum(1 for one in with_rope[:depth] if one) if chunk else 0
    parts = _parted(full, chunk or 0, chunked)
    return tuple(
        LayerGroup("chunked", one.count, one.heads, one.kv_heads, one.head_size, one.value_size, one.window)
        if one.kind == "sliding"
        else one
        for one in parts
    )


def _mla(fields: Fields, family: Family, depth: int) -> Sorted:
    """DeepSeek's: one vector a token, whatever the number of heads."""
    rank = fields.needed("kv_lora_rank") if fields.has("kv_lora_rank") else 512
    rope = fields.number("qk_rope_head_dim") if fields.has("qk_rope_head_dim") else 64
    heads = fields.needed("num_attention_heads")
    latent = LayerGroup("mla", depth, heads, 1, rank + (rope or 0))
    if not fields.number("index_topk"):
        return (latent,)
    size = fields.number("index_head_dim") or 128
    return (latent, LayerGroup("mla-index", depth, heads, 1, size + size // 128 * INDEX_BYTES))


def _jamba(fields: Fields, family: Family, depth: int) -> Sorted:
    period, offset = fields.number("attn_layer_period") or 8, fields.number("attn_layer_offset")
    offset = 4 if offset is None else offset
    full = sum(1 for index in range(depth) if index % period == offset)
    return _mixed(attention(fields, family, full), jamba_layers(fields, depth - full))


def _granite(fields: Fields, family: Family, depth: int) -> Sorted:
    types = _types(fields, depth) or _types(fields, depth, "layers_block_type")
    full = types.count(FULL)
    if full == depth:
        return (attention(fields, family, depth),)
    return _mixed(attention(fields, family, full), granite_layers(fields, depth - full))


def _nemotron(fields: Fields, family: Family, depth: int) -> Sorted:
    pattern = fields.text("hybrid_override_pattern")
    types = [SPELLINGS.get(one, one) for one in pattern or fields.texts("layers_block_type")]
    if not types or not set(types) <= {FULL, LINEAR, *WITHOUT_CACHE}:
        fields.faults.append(
            "config.json says in no known way which of its layers are attention (hybrid_override_pattern)"
        )
    return _mixed(attention(fields, family, types.count(FULL)), nemotron_layers(fields, types.count(LINEAR)))


def _falcon(fields: Fields, family: Family, depth: int) -> Sorted:
    return _mixed(attention(fields, family, depth), falcon_layers(fields, depth))


def _delta(fields: Fields, family: Family, depth: int) -> Sorted:
    every = fields.number("full_attention_interval") or family.pattern
    types = _types(fields, depth) or [LINEAR if (index + 1) % every else FULL for index in range(depth)]
    full = types.count(FULL)
    return _mixed(attention(fields, family, full), delta_layers(fields, depth - full))


def _convolution(fields: Fields, family: Family, depth: int) -> Sorted:
    full = _types(fields, depth).count(FULL) or len(fields.numbers("full_attn_idxs")) or depth
    return _mixed(attention(fields, family, full), convolution_layers(fields, depth - full))


def _mixed(*groups: LayerGroup) -> Sorted:
    return tuple(one for one in groups if one.count)


def _window(fields: Fields) -> int:
    """How far layers look back; 0 for all the way."""
    if fields.has("use_sliding_window") and not fields.flag("use_sliding_window"):
        return 0
    if not fields.has("use_sliding_window") and fields.model_type in NEVER_BY_ITSELF:
        return 0
    return fields.number("sliding_window") or 0


def _types(fields: Fields, depth: int, name: str = "layer_types") -> list[str]:
    types = [SPELLINGS.get(one, one) for one in fields.texts(name)]
    if types and len(types) != depth:
        fields.faults.append(f"config.json has {len(types)} {name} for {depth} layers")
    return types


def _by_pattern(fields: Fields, family: Family, depth: int) -> list[str]:
    """What the classes of transformers make of a missing `layer_types`."""
    if fields.model_type in BY_DEPTH:
        first = fields.number("max_window_layers")
        return [SLIDING if index >= (28 if first is None else first) else FULL for index in range(depth)]
    if not family.pattern:
        return []
    stated = fields.value("sliding_window_pattern")
    every = stated if isinstance(stated, int) and stated > 0 else family.pattern
    return [SLIDING if (index + 1) % every else FULL for index in range(depth)]


# Of the first, layers slide from `max_window_layers` on; of all, only where `use_sliding_window` is true.
BY_DEPTH = ("qwen2", "qwen2_moe", "qwen3", "qwen2_vl_text", "qwen2_5_vl_text")
NEVER_BY_ITSELF = (*BY_DEPTH, "qwen2_vl", "qwen2_5_vl", "qwen3_moe", "smollm3")
RULES: Mapping[str, Callable[[Fields, Family, int], Sorted]] = {
    "attention": _attention,
    "gemma4": _gemma4,
    "parity": _parity,
    "mla": _mla,
    "llama4": _llama4,
    "jamba": _jamba,
    "granite": _granite,
    "nemotron": _nemotron,
    "falcon-h1": _falcon,
    "delta": _delta,
    "convolution": _convolution,
    "mamba": lambda fields, family, depth: (mamba_layers(fields, depth),),
    "mamba2": lambda fields, family, depth: (mamba2_layers(fields, depth),),
    "encoder": lambda fields, family, depth: (),
}
