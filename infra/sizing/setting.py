"""The arguments of vLLM that decide how much memory a model takes, as a spec's `deployment.engine` has them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from infra.machine.fit import UTILIZATION, size_in_bytes
from infra.sizing.gpus import GIB, Gpu

YES, NO = (True, "true", "True"), ("None", "", "false", "False", "0", "1")
UNCOUNTED = {
    "enable_lora": "LoRA adapters",
    "speculative_config": "speculative decoding",
    "decode_context_parallel_size": "decode_context_parallel_size",
}
ALLOW = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
LARGE = 70 * GIB  # of a GPU, from which on vLLM's defaults are larger, except on an A100


class Setting(Struct, frozen=True):
    """What of the arguments counts; None is vLLM's own default."""

    max_model_len: int | None = None
    fitted: bool = False
    """Whether vLLM takes the longest context that fits (`max_model_len: auto`)."""
    lengthened: bool = False
    """Whether it is told to serve longer sequences than the model's own files say."""
    tensor_parallel: int | None = None
    pipeline_parallel: int = 1
    data_parallel: int = 1
    utilization: float = UTILIZATION
    cache_dtype: str = "auto"
    cache_bytes: int | None = None
    """`kv_cache_memory_bytes`: the cache of each GPU, whatever is left."""
    quantization: str = ""
    dtype: str = "auto"
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    block_size: int = 16
    eager: bool = False
    """`enforce_eager`: no CUDA graphs."""

    uncounted: tuple[str, ...] = ()
    """What else is asked for that takes memory, which nobody reckons with here."""

    def sequences(self, gpu: Gpu) -> int:
        """The sequences that vLLM computes at once (`max_num_seqs`)."""
        return self.max_num_seqs or (1024 if _is_large(gpu) else 256)

    def batched_tokens(self, gpu: Gpu) -> int:
        """The tokens that vLLM computes at once (`max_num_batched_tokens`)."""
        return self.max_num_batched_tokens or (8192 if _is_large(gpu) else 2048)


def read_setting(engine: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Setting:
    """The setting in the arguments and variables of a spec; a value that says nothing of a size counts as not given."""
    length = _whole(engine.get("max_model_len"))
    cache = engine.get("kv_cache_memory_bytes")
    return Setting(
        max_model_len=length if length and length > 0 else None,
        fitted=str(engine.get("max_model_len")).strip() in ("auto", "-1"),
        lengthened=bool(engine.get("hf_overrides")) or (environment or {}).get(ALLOW) in ("1", *YES),
        tensor_parallel=_whole(engine.get("tensor_parallel_size")),
        pipeline_parallel=_whole(engine.get("pipeline_parallel_size")) or 1,
        data_parallel=_whole(engine.get("data_parallel_size")) or 1,
        utilization=float(engine.get("gpu_memory_utilization") or UTILIZATION),
        cache_dtype=str(engine.get("kv_cache_dtype") or "auto"),
        cache_bytes=size_in_bytes(str(cache)) if cache else None,
        quantization=str(engine.get("quantization") or ""),
        dtype=str(engine.get("dtype") or "auto"),
        max_num_seqs=_whole(engine.get("max_num_seqs")),
        max_num_batched_tokens=_whole(engine.get("max_num_batched_tokens")),
        block_size=_whole(engine.get("block_size")) or 16,
        eager=engine.get("enforce_eager") in YES,
        uncounted=tuple(what for name, what in UNCOUNTED.items() if str(engine.get(name)) not in NO),
    )


def _is_large(gpu: Gpu) -> bool:
    return gpu.memory >= LARGE and "A100" not in gpu.name


def _whole(value: object) -> int | None:
    """A whole number; `32k` and `1M` as vLLM reads them."""
    text = str(value).strip() if value is not None else ""
    if text.lstrip("-").isdigit():
        return int(text)
    return size_in_bytes(text) if text[:-1].replace(".", "", 1).isdigit() and text[-1:] in tuple("kKmMgG") else None
