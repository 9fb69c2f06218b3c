"""The arguments of a spec that count, and vLLM's own defaults, which differ with the GPU."""

from typing import Any

import pytest

from infra.sizing.gpus import A10, A100_PCIE, H100_NVL, H100_SXM, T4, Gpu
from infra.sizing.setting import Setting, read_setting


@pytest.mark.parametrize(
    ("engine", "setting"),
    [
        pytest.param({}, Setting(), id="nothing-said"),
        pytest.param({"max_model_len": 4096}, Setting(max_model_len=4096), id="length"),
        pytest.param({"max_model_len": "4096"}, Setting(max_model_len=4096), id="as-text"),
        pytest.param({"max_model_len": "32k"}, Setting(max_model_len=32000), id="thousands"),
        pytest.param({"max_model_len": "32K"}, Setting(max_model_len=32768), id="times-1024"),
        pytest.param({"max_model_len": -1}, Setting(fitted=True), id="whatever-fits"),
        pytest.param({"max_model_len": "auto"}, Setting(fitted=True), id="whatever-fits-by-name"),
        pytest.param(
            {"tensor_parallel_size": 4, "pipeline_parallel_size": 2},
            Setting(tensor_parallel=4, pipeline_parallel=2),
            id="parallel",
        ),
        pytest.param({"hf_overrides": {"max_position_embeddings": 9}}, Setting(lengthened=True), id="overrides"),
        pytest.param(
            {"enable_lora": True, "speculative_config": {"method": "ngram"}},
            Setting(uncounted=("LoRA adapters", "speculative decoding")),
            id="what-is-not-counted",
        ),
        pytest.param({"enable_lora": False, "decode_context_parallel_size": 1}, Setting(), id="what-is-not-asked-for"),
        pytest.param({"gpu_memory_utilization": 0.5}, Setting(utilization=0.5), id="share"),
        pytest.param({"kv_cache_dtype": "fp8", "dtype": "half"}, Setting(cache_dtype="fp8", dtype="half"), id="types"),
        pytest.param({"kv_cache_memory_bytes": "4G"}, Setting(cache_bytes=4 << 30), id="a-cache-of-its-own"),
        pytest.param({"enforce_eager": True, "max_num_seqs": 8}, Setting(eager=True, max_num_seqs=8), id="eager"),
        pytest.param({"served_model_name": "x"}, Setting(), id="others-say-nothing"),
    ],
)
def test_what_counts_in_a_spec(engine: dict[str, Any], setting: Setting) -> None:
    assert read_setting(engine) == setting


@pytest.mark.parametrize(
    ("gpu", "sequences", "tokens"),
    [
        pytest.param(T4, 256, 2048, id="t4"),
        pytest.param(A10, 256, 2048, id="a10"),
        pytest.param(A100_PCIE, 256, 2048, id="a100-although-it-is-large"),
        pytest.param(H100_NVL, 1024, 8192, id="h100-nvl"),
        pytest.param(H100_SXM, 1024, 8192, id="h100"),
    ],
)
def test_vllms_defaults_follow_the_gpu(gpu: Gpu, sequences: int, tokens: int) -> None:
    """By `EngineArgs.get_batch_defaults` of vLLM 0.32 for its API server."""
    assert (Setting().sequences(gpu), Setting().batched_tokens(gpu)) == (sequences, tokens)
    given = Setting(max_num_seqs=8, max_num_batched_tokens=512)
    assert (given.sequences(gpu), given.batched_tokens(gpu)) == (8, 512)


def test_the_default_share_is_vllms_own() -> None:
    from vllm.config import CacheConfig

    assert Setting().utilization == CacheConfig().gpu_memory_utilization
