"""Makes tiny models and says what vLLM's engine on this CPU does with each, as JSON: `vllm_specs.py FOLDER NAME…`.

It runs in a process of its own: it is the one part of these tests that imports torch, transformers and vLLM.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import tiny_models

MEMORY = 8_000_000  # bytes of the KV cache
LONGEST = 256
QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}


def make(folder: Path, name: str) -> int:
    """Write a model with random weights; returns the bytes of its tensors, as torch counts them."""
    import torch
    import transformers

    config_class, _, model_class = tiny_models.TINY[name]
    config = getattr(transformers, config_class)(**tiny_models.fields_of(name))
    model = getattr(transformers, model_class)(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    tensors = {one.data_ptr(): one for one in model.state_dict().values()}  # tied ones are written once
    return sum(one.numel() * one.element_size() for one in tensors.values())


def described(spec: Any) -> dict[str, Any]:
    """What one layer keeps."""
    return {"kind": type(spec).__name__, "block_size": spec.block_size, "page": spec.page_size_bytes}


def engine_of(folder: Path, *, cache_dtype: str) -> dict[str, Any]:
    """What vLLM's engine makes of the model: it is really started, with the model's weights."""
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.core.kv_cache_utils import get_max_concurrency_for_kv_cache_config
    from vllm.v1.engine.core import EngineCore
    from vllm.v1.executor.abstract import Executor

    arguments = EngineArgs(
        str(folder),
        skip_tokenizer_init=True,
        enforce_eager=True,
        dtype="bfloat16",
        max_model_len=LONGEST,
        max_num_seqs=2,
        max_num_batched_tokens=LONGEST,
        kv_cache_memory_bytes=MEMORY,
        kv_cache_dtype=cache_dtype,
    )
    config = arguments.create_engine_config()
    core = EngineCore(config, Executor.get_class(config), log_stats=False)
    cache = core.scheduler.kv_cache_config
    layers = core.model_executor.get_kv_cache_specs()[0]
    answer = {
        "layers": [described(one) for one in layers.values()],
        "blocks": cache.num_blocks,
        "block_size": config.cache_config.block_size,
        "prefixes": bool(config.cache_config.enable_prefix_caching),
        "state_dtype": config.cache_config.mamba_ssm_cache_dtype,
        "longest": config.model_config.get_and_verify_max_len(None),
        "in_flight": config.max_in_flight_tokens,
        "concurrency": get_max_concurrency_for_kv_cache_config(config, cache) if layers else 0.0,
    }
    core.shutdown()
    answer["divided"] = {parts: divided(config, parts) for parts in (2, 4)}
    return answer


def divided(config: Any, parts: int) -> dict[str, Any]:
    """What one of so many GPUs would have, by vLLM's own arithmetic."""
    from math import prod

    from vllm.model_executor.models import ModelRegistry
    from vllm.utils.torch_utils import get_dtype_size

    model = config.model_config
    config.parallel_config.tensor_parallel_size = parts
    cls, _ = ModelRegistry.resolve_model_cls(model.architecture, model_config=model)
    state = None
    if model.is_hybrid or model.is_attention_free:
        shapes = cls.get_mamba_state_shape_from_config(config)
        dtypes = cls.get_mamba_state_dtype_from_config(config)
        state = sum(prod(shape) * get_dtype_size(dtype) for shape, dtype in zip(shapes, dtypes, strict=True))
    heads = None if model.is_attention_free else model.get_num_kv_heads(config.parallel_config)
    return {"kv_heads": heads, "state": state}


def main(folder: Path, names: list[str]) -> dict[str, Any]:
    """Everything, by name; an error is told in place of an answer."""
    found: dict[str, Any] = {}
    for name in names:
        place = folder / name
        tensors = make(place, name)
        try:
            found[name] = {"tensors": tensors, **engine_of(place, cache_dtype="auto")}
        except Exception as error:
            found[name] = {"tensors": tensors, "error": f"{type(error).__name__}: {error}"}
    return found


if __name__ == "__main__":
    gc.collect = lambda generation=2: 0  # vLLM calls it seven times an engine, half of the time that this takes
    os.environ.update(QUIET)
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)
    with contextlib.redirect_stdout(io.StringIO()):
        answers = main(Path(sys.argv[1]), sys.argv[2:] or list(tiny_models.TINY))
    sys.stdout.write(json.dumps(answers))
