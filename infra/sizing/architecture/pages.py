"""The pages of a KV cache: what each layer takes of a block, and which layers share one, as vLLM 0.32 lays it out."""

from __future__ import annotations

from msgspec import Struct, structs

from infra.errors import GateliftError
from infra.sizing.architecture.records import Architecture, LayerGroup, State

BYTES = {
    "float32": 4,
    "float": 4,
    "float16": 2,
    "half": 2,
    "bfloat16": 2,
    "fp8": 1,
    "fp8_e4m3": 1,
    "fp8_e5m2": 1,
    "fp8_inc": 1,
    "int8": 1,
}
PACKED = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}  # bytes of a token in a layer of DeepSeek's sparse attention
MLA_BLOCK = 128  # what blocks of MLA beside states are a multiple of
FEW = 1.5  # from so many times the layers of another kind on, a kind is split into groups


class CacheSetting(Struct, frozen=True):
    """The arguments of vLLM on which the cache depends."""

    dtype: str = "auto"
    """`kv_cache_dtype`."""
    tensor_parallel: int = 1
    block_size: int = 16
    """Tokens; vLLM's own default on CUDA, on a CPU it is 128."""
    batched_tokens: int = 8192
    """`max_num_batched_tokens`: what of a window is kept while a prompt is read."""
    keeps_states: bool = True
    """Whether prefixes are cached (`enable_prefix_caching`), for which layers with state keep two of them."""
    state_dtype: str = "auto"
    """`mamba_ssm_cache_dtype`; vLLM's CPU backend sets float32 on CPUs with AVX512-BF16."""


class Pages(Struct, frozen=True):
    """Layers with pages of the same size, of which each has one in a block that its group owns."""

    layer: LayerGroup
    count: int
    size: int
    """Bytes."""
    block: int
    """Tokens that a page has room for; with state, one page has it all."""


class CacheGroup(Struct, frozen=True):
    """What shares a table of blocks."""

    pages: tuple[Pages, ...]
    copies: int
    """How many such groups there are."""

    @property
    def layer(self) -> LayerGroup:
        """The layers, as far as they decide how many blocks a sequence takes."""
        return self.pages[0].layer

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return self.pages[0].block


class Layout(Struct, frozen=True):
    """The groups of a cache and the bytes of one block, which any of them may own."""

    groups: tuple[CacheGroup, ...]
    block_bytes: int


def layout_of(architecture: Architecture, setting: CacheSetting) -> Layout | None:
    """The layout; None for an architecture without a cache, and for an unknown one."""
    layers = architecture.layers if architecture.known else ()
    if not layers:
        return None
    pages = _unpadded(architecture, setting)
    if _alike(pages):
        return Layout((CacheGroup(tuple(pages), 1),), sum(one.count * one.size for one in pages))
    pages = _same_size(pages)
    few, many = min(one.count for one in pages), max(one.count for one in pages)
    together = many if many < few * FEW else few
    groups = tuple(CacheGroup((one,), -(-one.count // together)) for one in pages)
    return Layout(groups, together * pages[0].size)


def token_bytes(architecture: Architecture, layer: LayerGroup, setting: CacheSetting) -> int:
    """The bytes of one token in one layer that keeps tokens, on one GPU."""
    dtype = cache_dtype(architecture, setting)
    if layer.kind == "mla-index":
        return layer.head_size
    if dtype in PACKED:
        return PACKED[dtype]
    if layer.kind == "mla":
        return layer.head_size * width(dtype)
    return heads_per_gpu(layer.kv_heads, setting) * (layer.head_size + layer.value_size) * width(dtype)


def state_bytes(architecture: Architecture, layer: LayerGroup, setting: CacheSetting) -> int:
    """The bytes of the state of one sequence in one layer that has one, on one GPU."""
    return sum(_state(one, architecture.dtype, setting) for one in layer.state)


def heads_per_gpu(kv_heads: int, setting: CacheSetting) -> int:
    """The heads of keys and values on one GPU; where there are more GPUs than heads, each has a copy of one."""
    return max(1, kv_heads // setting.tensor_parallel)


def cache_dtype(architecture: Architecture, setting: CacheSetting) -> str:
    """The type of the numbers in the cache."""
    if setting.dtype != "auto":
        return setting.dtype
    asked = architecture.quantization.cache_dtype if architecture.quantization else ""
    return asked or architecture.dtype


def width(dtype: str) -> int:
    """The bytes of a number; raises `GateliftError` for a type that is not known."""
    if dtype in BYTES:
        return BYTES[dtype]
    raise GateliftError(
        f"how much memory a KV cache of {dtype} takes is not known",
        hint=f"set engine.kv_cache_dtype to auto or one of {', '.join(BYTES)}",
        code="kv_cache_dtype",
    )


def _unpadded(architecture: Architecture, setting: CacheSetting) -> list[Pages]:
    """Each kind's pages; blocks are long enough for the pages of tokens to be no smaller than those of states."""
    states = [one for one in architecture.layers if not one.keeps_tokens]
    tokens = [one for one in architecture.layers if one.keeps_tokens]
    largest = max((state_bytes(architecture, one, setting) for one in states), default=0)
    block = setting.block_size
    if largest and tokens:
        step = max(block, MLA_BLOCK) if tokens[0].kind == "mla" else block
        block = max(block, step * -(-largest // (step * token_bytes(architecture, tokens[0], setting))))
        largest = block * token_bytes(architecture, tokens[0], setting)
    pages = [Pages(one, one.count, block * token_bytes(architecture, one, setting), block) for one in tokens]
    pages += [Pages(one, one.count, largest or state_bytes(architecture, one, setting), block) for one in states]
    return pages


def _alike(pages: list[Pages]) -> bool:
    """Whether vLLM puts all layers into one group."""
    kinds = {"full" if one.layer.kind in ("mla", "mla-index") else one.layer.kind for one in pages}
    return len(kinds) == 1 and (kinds == {"full"} or len({(one.layer.window, one.size) for one in pages}) == 1)


def _same_size(pages: list[Pages]) -> list[Pages]:
    """Pages of the largest one's size: smaller ones hold more tokens, or are padded."""
    largest = max(one.size for one in pages)
    return [_grown(one, largest) for one in pages]


def _grown(page: Pages, size: int) -> Pages:
    fits = page.layer.keeps_tokens and size % page.size == 0
    return structs.replace(page, size=size, block=page.block * (size // page.size) if fits else page.block)


def _state(state: State, dtype: str, setting: CacheSetting) -> int:
    parts, groups = setting.tensor_parallel, state.groups
    if groups % parts:  # too few to divide: each GPU has a copy
        groups = parts
    kept = setting.state_dtype if state.recurrent and setting.state_dtype != "auto" else state.dtype
    return (state.divided + groups * state.of_group) // parts * width(dtype if kept == "auto" else kept)
