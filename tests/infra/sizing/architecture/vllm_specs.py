"""Says as JSON what vLLM does with tiny models, and what it reads in public config.json: `vllm_specs.py FOLDER`.

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

    config_class, _, model_class = (tiny_models.TINY | tiny_models.MORE)[name]
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


def read_by_vllm(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What vLLM reads in a config.json."""
    from vllm.config import ModelConfig

    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    model = ModelConfig(str(folder), skip_tokenizer_init=True)
    found = model.model_arch_config
    return {
        "head_size": model.get_head_size(),
        "kv_heads": model.get_total_num_kv_heads(),
        "heads": found.total_num_attention_heads,
        "depth": found.total_num_hidden_layers,
        "hidden": found.hidden_size,
        "vocabulary": found.vocab_size,
        "experts": found.num_experts,
        "active": found.num_experts_per_token,
        "longest": model.max_model_len,
        "dtype": str(model.dtype).removeprefix("torch."),
        "quantized": found.quantization_config is not None,
    }


def defaults_of(model_type: str) -> dict[str, Any]:
    """What the class of a model type makes of a config.json without fields; None for what follows from others."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    def made(**fields: Any) -> dict[str, Any]:
        config = CONFIG_MAPPING[model_type](**fields)
        values = {}
        for name in tiny_models.FIELDS:
            try:
                values[name] = getattr(config, name, None)
            except Exception:  # differs from layer to layer
                values[name] = getattr(config.per_layer_config[0], name)
        return values

    plain = made()
    if plain["num_attention_heads"]:
        more, larger = (
            made(num_attention_heads=plain["num_attention_heads"] * 2),
            made(hidden_size=plain["hidden_size"] * 2),
        )
        for name, other in (("num_key_value_heads", more), ("head_dim", larger)):
            plain[name] = plain[name] if plain[name] == other[name] else None
    return plain


def main(folder: Path, *, everything: bool) -> dict[str, Any]:
    """Everything, by name; an error is told in place of an answer."""
    from vllm.model_executor.models import registry

    registry._run_in_subprocess = lambda call: call()  # seconds for each architecture otherwise
    found: dict[str, Any] = {
        "tiny": {},
        "public": {},
        "architectures": list(registry.ModelRegistry.get_supported_archs()),
    }
    found["defaults"] = {name: defaults_of(name) for name in tiny_models.DEFAULTS}
    for name in tiny_models.TINY | (tiny_models.MORE if everything else {}):
        try:
            tensors = make(folder / name, name)
            found["tiny"][name] = {"tensors": tensors, **engine_of(folder / name, cache_dtype="auto")}
        except Exception as error:
            found["tiny"][name] = {"error": f"{type(error).__name__}: {error}"}
    for name, config in tiny_models.public_configs().items():
        found["public"][name] = read_by_vllm(folder / f"public-{name}", tiny_models.without_vision(config))
    return found


if __name__ == "__main__":
    gc.collect = lambda generation=2: 0  # vLLM calls it seven times an engine, half of the time that this takes
    os.environ.update(QUIET)
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)
    with contextlib.redirect_stdout(io.StringIO()):
        answers = main(Path(sys.argv[1]), everything="all" in sys.argv[2:])
    sys.stdout.write(json.dumps(answers))
