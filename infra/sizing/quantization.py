"""What quantized weights need of a GPU, and what `--quantization` makes of weights that are not quantized.

Source: `get_min_capability` of each method in vLLM 0.32, and vllm/config/quantization.py; tests hold this to them.
"""

from infra.sizing.architecture.records import Architecture, Weights
from infra.sizing.gpus import Gpu

LOWEST = {
    **dict.fromkeys(("awq", "auto_awq", "awq_marlin", "fp8", "torchao", "humming", "online"), 75),
    **dict.fromkeys(("gptq", "gptq_marlin", "auto_gptq", "inc"), 60),
    **dict.fromkeys(("compressed-tensors", "quark", "moe_wna16"), 70),
    **dict.fromkeys(("mxfp4", "gpt_oss_mxfp4", "modelopt", "modelopt_mxfp8", "experts_int8", "fbgemm_fp8"), 80),
    "modelopt_fp4": 75,
    "fp_quant": 100,
}
"""The compute capability, as vLLM counts it, that each method needs at least."""
GONE = ("bitsandbytes", "gguf", "hqq", "aqlm", "eetq")
"""Methods of repositories that this vLLM does not serve, or serves no more."""
OTHERS = ("modelopt_mixed", "deepseek_v4_fp8", "auto-round")
"""Further names that vLLM knows."""
ON_LOAD = {
    **dict.fromkeys(("fp8", "fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "mxfp8"), 1.0),
    **dict.fromkeys(("int8_per_channel_weight_only", "experts_int8"), 1.0),
    "nvfp4_per_token": 0.5625,  # 4 bits, and a scale of 8 bits for each 16 of them
}
"""Bytes of one weight after vLLM has quantized it while loading (`--quantization`)."""
LOWEST_OF_CACHES = 80
OFFERED = "fp8"
"""What is proposed for a model that is not quantized: the weights take half, and GPUs without FP8 arithmetic only keep
them so (`Marlin` kernels)."""
BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2, "half": 2}
NO_FLOAT16 = ("gemma2", "gemma3", "gemma3_text", "glm4")
"""Model types that vLLM does not compute in float16 (`_FLOAT16_NOT_SUPPORTED_MODELS`)."""


def dtype_on(architecture: Architecture, wanted: str, gpu: Gpu) -> str:
    """In which type vLLM computes on this GPU: `dtype: auto` gives way to what the GPU has."""
    chosen = {"half": "float16", "float": "float32"}.get(wanted, wanted)
    if chosen != "auto":
        return chosen
    if architecture.dtype != "bfloat16" or gpu.has_bfloat16:
        return architecture.dtype
    return "float32" if architecture.model_type in NO_FLOAT16 else "float16"


def refusal(architecture: Architecture, quantization: str, dtype: str, gpu: Gpu) -> str:
    """Why vLLM would not load it on this GPU; empty where it would."""
    stored = architecture.quantization
    for method in filter(None, (stored.method if stored else "", quantization)):
        if method in GONE:
            return f"vLLM 0.32 does not serve {method}"
        if method not in {*LOWEST, *ON_LOAD, *OTHERS}:
            return f"vLLM 0.32 knows no quantization that is called {method}"
        if (needed := LOWEST.get(method, 75)) > gpu.generation:
            return f"{method} needs compute capability {needed / 10:.1f}, {gpu.in_words} has {_capability(gpu)}"
    if dtype == "bfloat16" and not gpu.has_bfloat16:
        return f"dtype bfloat16 needs compute capability 8.0, {gpu.in_words} has {_capability(gpu)}"
    if stored and quantization in ON_LOAD and quantization != stored.method:
        return f"its weights are {stored.method or 'quantized'} already, which vLLM does not quantize to {quantization}"
    if quantization and not stored and quantization not in ON_LOAD:
        return f"vLLM cannot quantize to {quantization} while it loads, and the repository's weights are not quantized"
    return ""


def cache_refusal(kept: str, gpu: Gpu) -> str:
    """Why vLLM would not keep a KV cache of this type on this GPU; empty where it would.

    Triton's kernels need 8.9 for FP8 and FlashInfer's 8.0, before which there are no others (vllm/v1/attention).
    """
    if kept.startswith(("fp8", "bfloat16")) and gpu.generation < LOWEST_OF_CACHES:
        return f"a KV cache of {kept} needs compute capability 8.0, {gpu.in_words} has {_capability(gpu)}"
    return ""


def loaded_bytes(architecture: Architecture, weights: Weights, quantization: str, dtype: str) -> int:
    """The bytes of all weights once loaded: converted to `dtype`, and quantized where that is asked for."""
    if architecture.quantization:
        return weights.loaded
    width = BYTES.get(dtype, 2)
    scale = width / BYTES.get(architecture.dtype, 2)
    total = weights.loaded * scale
    if (each := ON_LOAD.get(quantization)) is None:
        return int(total)
    kept = (weights.table + weights.replicated + weights.towers) * scale
    quantized = weights.experts * scale if quantization == "experts_int8" else max(total - kept, 0)
    return int(total - quantized + quantized * each / width)


def _capability(gpu: Gpu) -> str:
    return f"{gpu.capability[0]}.{gpu.capability[1]}"
