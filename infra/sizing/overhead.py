"""What vLLM takes of a GPU beside weights and cache: an estimate, by formulas that are held to published logs.

vLLM itself measures it at the start, by a dummy run of its largest batch; that cannot be known without the GPU. The two
peaks of that run are the forward pass and the sampler, of which the larger one counts:

    forward = max_num_batched_tokens x 2 bytes x (4 x hidden + 3 x intermediate / tensor_parallel_size
              + experts per token x (2 x intermediate of an expert / tensor_parallel_size + hidden))
    sampler = max_num_seqs x vocabulary x 16 bytes

Published are logs of older versions, whose sampler sorted all logits, with 36 bytes for each of them: Llama-3-8B with
8192 batched tokens and 256 sequences, 1.26 GiB of activations (vllm-project/vllm#10511); gpt-oss-120b on an H100 with
1024 sequences, 7.4 GiB of everything but weights, cache and CUDA graphs, and still 7.5 with 1024 batched tokens
(#23278, #27508). With these 36 bytes the formulas give 1.1 and 7.2 GiB.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.sizing.architecture.records import Architecture
from infra.sizing.gpus import GIB, Gpu
from infra.sizing.quantization import BYTES
from infra.sizing.setting import Setting

SAMPLER = 16
"""Bytes of one logit while a token is drawn: as it comes and gathered, as float32, its probability, a random number
(vllm/v1/sample of 0.32, which no longer sorts)."""
GRAPHS = int(0.8 * GIB)
"""CUDA graphs: 0.6 to 0.8 GiB in public logs of models of 4 to 9 billion parameters."""
ONE_GPU, SEVERAL_GPUS = int(0.3 * GIB), int(1.2 * GIB)
"""What is not PyTorch's: libraries' workspaces, and the buffers of NCCL and of vLLM's own all-reduce."""
VISION = GIB
"""The dummy run of a vision tower."""
MXFP4_PADDING = 0.085
"""vLLM pads MXFP4 weights for its kernels: gpt-oss-120b, 60.8 GiB in files, is 65.97 loaded (vllm#23278)."""


class Widths(Struct, frozen=True):
    """How wide the layers are between two hidden states; an estimate where config.json does not say."""

    intermediate: int
    expert: int = 0


class Overhead(Struct, frozen=True):
    """What one GPU holds beside weights and cache, in bytes."""

    forward: int
    sampler: int
    graphs: int
    other: int
    padding: int = 0

    @property
    def activations(self) -> int:
        """The larger of the two peaks, which do not meet."""
        return max(self.forward, self.sampler)

    @property
    def total(self) -> int:
        """All of it."""
        return self.activations + self.graphs + self.other + self.padding


def read_widths(config: Mapping[str, Any], architecture: Architecture) -> Widths:
    """The widths in config.json, or in its part about the language model."""
    inner = config.get("text_config")
    parts = [part for part in (inner, config) if isinstance(part, Mapping)]

    def number(*names: str) -> int:
        found = (part.get(name) for part in parts for name in names)
        return next((int(value) for value in found if isinstance(value, int) and value > 0), 0)

    dense = number("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim")
    if not architecture.experts:
        return Widths(dense or 4 * architecture.hidden)
    return Widths(0 if number("moe_intermediate_size") else dense, number("moe_intermediate_size") or dense)


def overhead_of(architecture: Architecture, widths: Widths, setting: Setting, gpu: Gpu) -> Overhead:
    """The estimate for one GPU; the padding of MXFP4 is the weights' share."""
    parallel = setting.tensor_parallel or 1
    experts = architecture.experts
    each = 4 * architecture.hidden + 3 * widths.intermediate // parallel
    if experts:
        each += experts.active * (2 * widths.expert // parallel + architecture.hidden)
    forward = setting.batched_tokens(gpu) * BYTES.get(architecture.dtype, 2) * each
    draws = 0 if architecture.encoder_only else setting.sequences(gpu) * architecture.vocabulary * SAMPLER
    others = SEVERAL_GPUS if parallel * setting.pipeline_parallel > 1 else ONE_GPU
    return Overhead(forward + VISION * architecture.vision, draws, 0 if setting.eager else GRAPHS, others)
