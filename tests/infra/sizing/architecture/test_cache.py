"""The KV cache of public models, and of tiny ones as vLLM 0.32 said on a CPU (recorded.json, by vllm_specs.py)."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError
from infra.sizing.architecture.cache import (
    CacheSetting,
    block_bytes,
    block_count,
    bytes_per_sequence,
    bytes_per_token,
    tensor_parallel_sizes,
)
from infra.sizing.architecture.config import read_architecture
from tests.infra.sizing.architecture.tiny_models import public_configs

PUBLIC = {name: read_architecture(config) for name, config in public_configs().items()}
RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text())
GIB = 1 << 30
EIGHT = (1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize(
    ("name", "token", "on_two", "on_eight", "sizes"),
    [
        ("llama-3.1-8b", 131072, 65536, 16384, EIGHT),
        ("llama-3.1-70b", 327680, 163840, 40960, EIGHT),
        ("qwen3-8b", 147456, 73728, 18432, EIGHT),
        ("qwen3-30b-a3b", 98304, 49152, 24576, EIGHT),  # 4 heads of keys: on eight GPUs each is there twice
        ("gpt-oss-20b", 49152, 24576, 6144, EIGHT),
        ("gpt-oss-120b", 73728, 36864, 9216, EIGHT),
        ("mistral-small-3.1-24b", 163840, 81920, 20480, EIGHT),
        ("gemma-3-27b", 507904, 253952, 63488, EIGHT),
        ("deepseek-v3", 70272, 70272, 70272, EIGHT),  # one vector, which every GPU has
        ("phi-4", 204800, 102400, 20480, (1, 2)),  # 10 heads of keys
        ("granite-4.0-h-small", 16384, 8192, 2048, EIGHT),
        ("bge-m3", 0, 0, 0, (1, 2, 4, 8, 16)),
    ],
)
def test_a_token_of_public_models(name: str, token: int, on_two: int, on_eight: int, sizes: tuple[int, ...]) -> None:
    found = PUBLIC[name]
    taken = [bytes_per_token(found, CacheSetting(tensor_parallel=parts)) for parts in (1, 2, 8)]
    assert taken == [token, on_two, on_eight]
    assert tensor_parallel_sizes(found) == sizes


def test_fp8_halves_it() -> None:
    for name in ("llama-3.1-8b", "deepseek-v3", "gemma-3-27b"):
        whole, half = (bytes_per_token(PUBLIC[name], CacheSetting(dtype=dtype)) for dtype in ("auto", "fp8"))
        assert half * 2 == whole


def test_a_cache_of_fp8_that_the_repository_asks_for() -> None:
    scheme = {"quant_method": "fp8", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}
    config = public_configs()["llama-3.1-8b"] | {"quantization_config": scheme}
    asked = read_architecture(config)
    assert bytes_per_token(asked, CacheSetting()) * 2 == bytes_per_token(PUBLIC["llama-3.1-8b"], CacheSetting())
    assert bytes_per_token(asked, CacheSetting(dtype="bfloat16")) == bytes_per_token(
        PUBLIC["llama-3.1-8b"], CacheSetting()
    )


def test_a_type_of_numbers_that_nobody_knows_is_refused() -> None:
    with pytest.raises(GateliftError, match="KV cache of nvfp4 takes is not known") as error:
        bytes_per_token(PUBLIC["llama-3.1-8b"], CacheSetting(dtype="nvfp4"))
    assert error.value.hint


def test_a_sequence_takes_whole_blocks() -> None:
    sizes = [bytes_per_sequence(PUBLIC["llama-3.1-8b"], tokens, CacheSetting()) for tokens in (1, 16, 17)]
    assert sizes == [16 * 131072, 16 * 131072, 32 * 131072]


def test_windows_are_capped() -> None:
    short, long, longer = (
        bytes_per_sequence(PUBLIC["gemma-3-27b"], tokens, CacheSetting()) for tokens in (8192, 40960, 81920)
    )
    full_alone = 40960 * 10 * 2 * 16 * 128 * 2
    assert longer - long == full_alone
    assert short < long < 5 * short


def test_states_are_there_whatever_the_length() -> None:
    one, many = (bytes_per_sequence(PUBLIC["granite-4.0-h-small"], tokens, CacheSetting()) for tokens in (1, 528))
    assert one == many == (9 * 3 + 1) * block_bytes(PUBLIC["granite-4.0-h-small"], CacheSetting())
    without = bytes_per_sequence(PUBLIC["granite-4.0-h-small"], 1, CacheSetting(keeps_states=False))
    assert without == (9 + 1) * block_bytes(PUBLIC["granite-4.0-h-small"], CacheSetting())


def test_what_keeps_no_cache_has_no_blocks() -> None:
    assert block_count(PUBLIC["bge-m3"], GIB, CacheSetting()) is None
    assert bytes_per_sequence(PUBLIC["bge-m3"], 8192, CacheSetting()) == 0
    unknown = read_architecture({"architectures": ["NobodysForCausalLM"]})
    assert block_count(unknown, GIB, CacheSetting()) is None


def test_heads_of_states_are_divided_too() -> None:
    config = public_configs()["granite-4.0-h-small"] | {"mamba_n_heads": 36}
    assert tensor_parallel_sizes(read_architecture(config)) == (1, 2, 4)
    groups = public_configs()["granite-4.0-h-small"] | {"mamba_n_groups": 8}
    assert tensor_parallel_sizes(read_architecture(groups)) == (1, 2, 4, 8)


@pytest.mark.parametrize("name", list(RECORDED))
def test_a_tiny_model_as_vllm_said(name: str) -> None:
    found, said = read_architecture(RECORDED[name]["config"]), RECORDED[name]["engine"]
    tokens = sum(one["count"] * one["page"] / one["block_size"] for one in said["layers"] if one["kind"] != "MambaSpec")
    setting = CacheSetting(block_size=128, state_dtype=said["state_dtype"])
    assert found.unknown == ""
    assert bytes_per_token(found, setting) == tokens
    assert (block_count(found, 8_000_000, setting) or 1) == said["blocks"]
