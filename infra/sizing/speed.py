"""How fast a model would answer: an estimate by the GPUs' bandwidth and arithmetic, with the formulas that follow.

To draw one token for each of n requests, every weight that works is read once and each request's cache is read:

    step   = max(read, compute) + exchange + 2 ms
    read   = (weights + n x cache of half the context) / (bandwidth x 0.7)
    compute = 2 x active parameters x n / (tensor_parallel_size x FLOP/s x 0.5)
    exchange = 2 all-reduces a layer, of 15 us over NVLink and 40 us over PCIe; none on one GPU
    tokens a second of one request: 1 / step with n = 1; of all: n / step

    time to the first token = 2 x active parameters x prompt / (tensor_parallel_size x FLOP/s x 0.5) + 20 ms

A model that only embeds reads tokens at tensor_parallel_size x FLOP/s x 0.5 / (2 x parameters).

All figures are of one GPU. Of experts, those are read that any of the n tokens meets: 1 - (1 - active / all) ^ n of
them. The three shares are those that public benchmarks reach on large GPUs; engines, prompts and settings move the
result by a factor of two, which `gatelift bench` measures on the real deployment.
"""

from msgspec import Struct

from infra.sizing.architecture.records import Architecture, Weights
from infra.sizing.fit import Fit, Model, Verdict
from infra.sizing.setting import Setting

OF_BANDWIDTH, OF_FLOPS = 0.7, 0.5
STEP_S = 0.002
FIRST_S = 0.02
NVLINK_S, PCIE_S = 15e-6, 40e-6
PROMPT = 1000
"""Tokens of the prompt whose time to the first token is told."""


class Speed(Struct, frozen=True):
    """Estimated speeds of an instance."""

    single: float
    """Tokens a second of one request alone."""
    together: float
    """Tokens a second of all requests together; with a model that only embeds, those that are read."""
    requests: int
    """How many these are."""
    first_token: float
    """Seconds to the first token of a prompt of 1,000 tokens."""


def speed_of(model: Model, setting: Setting, found: Fit, concurrency: int | None = None) -> Speed | None:
    """The speeds with `concurrency` requests, or as many as fit; None for what does not fit or is not known."""
    weights = model.weights
    if weights is None or found.verdict not in (Verdict.FITS, Verdict.TIGHT):
        return None
    if model.architecture.encoder_only:
        read = _flops(model, setting, found) * found.tensor_parallel * OF_FLOPS / (2 * weights.active_parameters)
        return Speed(0.0, read, 0, PROMPT / read + FIRST_S)
    if not found.per_sequence or found.concurrent < 1:
        return None
    requests = min(concurrency or found.concurrent, found.concurrent)
    flops = _flops(model, setting, found) * found.tensor_parallel * OF_FLOPS
    first = 2 * weights.active_parameters * PROMPT / flops + FIRST_S

    def step(requests: int) -> float:
        """Seconds to draw one token for each request."""
        read = _weights_read(model.architecture, weights, found, requests) + requests * found.per_sequence / 2
        reading = read / (found.instance.gpu.bandwidth * 1e9 * OF_BANDWIDTH)
        computing = 2 * weights.active_parameters * requests / flops
        return max(reading, computing) + _exchange(model.architecture, found) + STEP_S

    return Speed(1 / step(1), requests / step(requests), requests, first)


def _exchange(architecture: Architecture, found: Fit) -> float:
    if found.tensor_parallel == 1:
        return 0.0
    return 2 * architecture.depth * (NVLINK_S if found.instance.nvlink else PCIE_S)


def _weights_read(architecture: Architecture, weights: Weights, found: Fit, requests: int) -> float:
    """The bytes of weights on one GPU that work on any of the tokens."""
    experts, whole = architecture.experts, max(weights.loaded, 1)
    looked_up = 0 if architecture.tied else weights.table / 2  # of the embeddings one row a token is read
    always = max(whole - weights.experts - looked_up - weights.towers, 0)
    met = 1 - (1 - experts.active / experts.count) ** requests if experts and experts.count else 1.0
    return found.weights * (always + weights.experts * met) / whole


def _flops(model: Model, setting: Setting, found: Fit) -> float:
    """The arithmetic of one GPU with the type of numbers that is multiplied, FLOP/s."""
    gpu, stored = found.instance.gpu, model.architecture.quantization
    in_fp8 = "fp8" in setting.quantization or (stored is not None and stored.activations == 8)
    dtype = "fp8" if in_fp8 and gpu.has_fp8 else found.dtype
    return gpu.teraflops.get(dtype, gpu.teraflops["float16"] / 2) * 1e12
