"""What config.json says about a model, as far as it decides how much memory vLLM needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["full", "sliding", "chunked", "mla", "mla-index", "mamba", "mamba2", "linear", "conv"]
ATTENTION: tuple[Kind, ...] = ("full", "sliding", "chunked", "mla", "mla-index")
STATE: tuple[Kind, ...] = ("mamba", "mamba2", "linear", "conv")


class State(Struct, frozen=True):
    """One tensor that a layer with state keeps for each sequence."""

    divided: int
    """Elements that tensor parallelism divides among the GPUs."""
    dtype: str = "auto"
    """`auto` is that of the model."""
    recurrent: bool = False
    """Whether it is the recurrent state, whose type `mamba_ssm_cache_dtype` sets, and not that of a convolution."""
    groups: int = 0
    """How many groups of heads share `of_group` elements each: too few to divide, they are replicated."""
    of_group: int = 0


class LayerGroup(Struct, frozen=True):
    """Layers that keep the same for a sequence."""

    kind: Kind
    count: int
    heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    """Of the keys; with `mla`, of the one vector that stands for keys and values."""
    value_size: int = 0
    """Of the values; 0 with `mla`."""
    window: int = 0
    """Tokens that `sliding` and `chunked` layers look back."""
    state: tuple[State, ...] = ()

    @property
    def keeps_tokens(self) -> bool:
        """Whether it keeps something of each token, and not one state of the whole sequence."""
        return self.kind not in STATE


class Experts(Struct, frozen=True):
    """The experts of a mixture."""

    count: int
    active: int
    """How many of them work on one token."""


class Quantization(Struct, frozen=True):
    """How the repository's weights are quantized."""

    method: str
    """vLLM's name: `awq`, `gptq`, `fp8`, `compressed-tensors`, `mxfp4`, `bitsandbytes`, `modelopt` …"""
    bits: int | None = None
    """Of one weight; None where the repository does not say."""
    activations: int | None = None
    """Bits of the activations where they are quantized, too: 8 for FP8 and W8A8."""
    cache_dtype: str = ""
    """Of the KV cache, where the repository asks for another than the model's: `fp8`."""


class Architecture(Struct, frozen=True):
    """A model's architecture; of an unknown one, only what config.json says plainly."""

    name: str
    """As vLLM's registry has it: `LlamaForCausalLM`."""
    known: bool
    unknown: str = ""
    """Why its memory is not known."""
    model_type: str = ""
    layers: tuple[LayerGroup, ...] = ()
    heads: int = 0
    kv_heads: int = 0
    hidden: int = 0
    depth: int = 0
    """How many hidden layers the language model has."""
    vocabulary: int = 0
    longest: int | None = None
    """Tokens of the longest sequence that vLLM serves without being told (`max_model_len`); None where nothing says."""
    most: int | None = None
    """Tokens of the longest one that it serves when it is told."""
    dtype: str = "bfloat16"
    """In which vLLM computes with `dtype: auto`."""
    stored: str = ""
    """In which the files are, as config.json says: `float32`; empty where it does not."""
    encoder_only: bool = False
    experts: Experts | None = None
    vision: bool = False
    tied: bool = False
    """Whether the output layer is the table of embeddings."""
    quantization: Quantization | None = None
    also_divided: tuple[int, ...] = ()
    """Numbers beside the heads that the size of tensor parallelism must divide."""
    remote_code: bool = False
    """Whether it brings its own code (`auto_map`), which vLLM runs only with `trust_remote_code`."""
    notes: tuple[str, ...] = ()
    """What is approximated."""


class Weights(Struct, frozen=True):
    """The tensors of a model: those in its files, and what vLLM keeps of them in memory."""

    bytes: int
    """Of all tensors in the files."""
    parameters: int
    """Numbers of the model: packed ones count each, scales and zero points do not."""
    active_parameters: int
    """Those that work on one token; all of them where there are no experts."""
    by_dtype: Mapping[str, int]
    """Bytes by the safetensors name of the type: `BF16`, `F8_E4M3`."""
    exact: bool
    """Whether it is the sum of the tensors in the files' headers, and not of the files' sizes."""
    table: int = 0
    """Bytes of the token embeddings and the output layer, in memory."""
    experts: int = 0
    """Bytes of the experts, in memory."""
    cached: int = 0
    """Bytes of the projections to keys and values, of which there are no more parts than heads."""
    replicated: int = 0
    """Bytes that each GPU holds whole under tensor parallelism: norms, routers, MLA's projections to its vector."""
    towers: int = 0
    """Bytes of the vision tower and its projector, in memory."""
    others: int = 0
    """Bytes of everything else, in memory."""
    unused: int = 0
    """Bytes that vLLM does not load: layers that only predict further tokens (MTP)."""

    @property
    def loaded(self) -> int:
        """Bytes of what vLLM loads, in the type of numbers that it computes in."""
        return self.table + self.experts + self.cached + self.replicated + self.towers + self.others
