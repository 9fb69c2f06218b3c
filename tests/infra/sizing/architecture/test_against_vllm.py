"""What gatelift says of a model's memory, against vLLM's own engine: each tiny model is really started on this CPU.

The CPU backend runs all of these architectures, MLA and Mamba included. Only how heads and states are divided among
several GPUs is taken from vLLM's arithmetic, and not from an engine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.operations.capacity.reading import ReadModel, read_from_folder
from infra.sizing.architecture.cache import CacheSetting, block_bytes, block_count, bytes_per_sequence, bytes_per_token
from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.defaults import DEFAULTS
from infra.sizing.architecture.families import TEXT, WRAPPERS
from infra.sizing.architecture.pages import heads_per_gpu, state_bytes
from tests.infra.sizing.architecture.tiny_models import FIELDS, TINY, public_configs

SCRIPT = Path(__file__).with_name("vllm_specs.py")
MEMORY, LONGEST = 8_000_000, 256  # as vllm_specs.py has them
PATIENCE = 600  # seconds, of which it needs some twenty on two idle cores
KINDS = {
    "full": "FullAttentionSpec",
    "sliding": "SlidingWindowSpec",
    "chunked": "ChunkedLocalAttentionSpec",
    "mla": "MLAAttentionSpec",
    **dict.fromkeys(("mamba", "mamba2", "linear", "conv"), "MambaSpec"),
}
WITHOUT_CACHE = ("xlm-roberta",)
CACHED = [name for name in TINY if name not in WITHOUT_CACHE]
every_model = pytest.mark.parametrize("name", list(TINY))
every_cached_model = pytest.mark.parametrize("name", CACHED)


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the tiny models, and all that vLLM said."""
    folder = tmp_path_factory.mktemp("tiny-models")
    command = [sys.executable, str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def engines(answers: tuple[Path, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """The folder of the tiny models, and what vLLM's engine did with each."""
    return answers[0], answers[1]["tiny"]


@every_model
def test_vllm_starts_with_it(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    assert "error" not in engines[1][name]


@every_model
def test_weights_are_the_sum_of_its_tensors(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    weights = read_from_folder(engines[0] / name).weights
    assert weights is not None
    assert (weights.bytes, weights.exact) == (engines[1][name]["tensors"], True)
    assert weights.loaded + weights.unused == weights.bytes


@every_cached_model
def test_a_token_takes_as_much_as_in_vllms_specs(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    read, found = read_from_folder(engines[0] / name), engines[1][name]
    theirs: dict[str, float] = {}
    for layer in found["layers"]:
        if layer["kind"] != "MambaSpec":
            theirs[layer["kind"]] = theirs.get(layer["kind"], 0) + layer["page"] / layer["block_size"]
    setting = setting_of(found)
    assert bytes_per_token(read.architecture, setting) == sum(theirs.values())
    assert {KINDS[one.kind] for one in read.architecture.layers} == {one["kind"] for one in found["layers"]}
    assert sum(one.count for one in read.architecture.layers) == len(found["layers"])


@every_cached_model
def test_vllms_engine_reports_as_many_blocks(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    read, found = read_from_folder(engines[0] / name), engines[1][name]
    ours = block_count(read.architecture, MEMORY, setting_of(found))
    assert ours == pytest.approx(found["blocks"], rel=0.02)


@every_cached_model
def test_as_many_sequences_fit_as_vllm_says(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    read, found = read_from_folder(engines[0] / name), engines[1][name]
    setting = setting_of(found)
    blocks = bytes_per_sequence(read.architecture, LONGEST, setting) / block_bytes(read.architecture, setting)
    assert found["blocks"] / blocks == pytest.approx(found["concurrency"], rel=0.02)


@pytest.mark.parametrize("name", WITHOUT_CACHE)
def test_an_encoder_keeps_nothing(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    read, found = read_from_folder(engines[0] / name), engines[1][name]
    assert found["layers"] == []
    assert (read.architecture.known, read.architecture.encoder_only) == (True, True)
    assert bytes_per_sequence(read.architecture, LONGEST, CacheSetting()) == 0
    assert block_count(read.architecture, MEMORY, CacheSetting()) is None


@every_model
def test_the_longest_sequence_is_vllms(engines: tuple[Path, dict[str, Any]], name: str) -> None:
    assert read_from_folder(engines[0] / name).architecture.longest == engines[1][name]["longest"]


@every_cached_model
@pytest.mark.parametrize("parts", [2, 4])
def test_heads_and_states_are_divided_as_vllm_does(engines: tuple[Path, dict[str, Any]], name: str, parts: int) -> None:
    read, found = read_from_folder(engines[0] / name), engines[1][name]
    divided = found["divided"][str(parts)]
    assert kv_heads(read, parts) == divided["kv_heads"]
    assert states(read, setting_of(found, parts)) == divided["state"]


@pytest.mark.parametrize(("name", "config"), list(public_configs().items()))
def test_a_public_config_is_read_as_vllm_does(
    answers: tuple[Path, dict[str, Any]], name: str, config: dict[str, Any]
) -> None:
    theirs, ours = answers[1]["public"][name], read_architecture(config)
    assert (ours.known, ours.unknown) == (True, "")
    assert (ours.heads, ours.hidden, ours.depth) == (theirs["heads"], theirs["hidden"], theirs["depth"])
    assert (ours.vocabulary, ours.longest, ours.dtype) == (theirs["vocabulary"], theirs["longest"], theirs["dtype"])
    assert (ours.experts.count if ours.experts else 0) == theirs["experts"]
    assert (ours.experts.active if ours.experts else 0) == theirs["active"]
    assert (ours.quantization is not None) == theirs["quantized"]
    for layer in (one for one in ours.layers if one.keeps_tokens):
        assert layer.head_size == theirs["head_size"]
        assert layer.kind == "mla" or layer.kv_heads == theirs["kv_heads"]


@pytest.mark.parametrize("model_type", list(DEFAULTS))
def test_a_missing_field_has_the_default_of_transformers(answers: tuple[Path, dict[str, Any]], model_type: str) -> None:
    stated = answers[1]["defaults"][model_type]
    theirs = {name: stated.get(name) or None for name in FIELDS}
    ours = {name: getattr(DEFAULTS[model_type], name) or None for name in FIELDS}
    assert ours == theirs


def test_every_architecture_is_one_of_vllms_registry(answers: tuple[Path, dict[str, Any]]) -> None:
    assert (TEXT | WRAPPERS) - set(answers[1]["architectures"]) == set()


def setting_of(found: dict[str, Any], parts: int = 1) -> CacheSetting:
    """As vLLM's engine was set, which computes one batch at a time on a CPU."""
    mla = any(one["kind"] == "MLAAttentionSpec" for one in found["layers"])
    return CacheSetting(
        tensor_parallel=parts,
        block_size=found["block_size"] if mla else 128,  # of MLA, 16 or 128 by the CPU
        batched_tokens=found["in_flight"] // 2,
        keeps_states=found["prefixes"],
        state_dtype=found["state_dtype"],
    )


def kv_heads(read: ReadModel, parts: int) -> int | None:
    """The heads of keys and values on one of so many GPUs; None without attention."""
    attention = [one for one in read.architecture.layers if one.keeps_tokens]
    return heads_per_gpu(attention[0].kv_heads, CacheSetting(tensor_parallel=parts)) if attention else None


def states(read: ReadModel, setting: CacheSetting) -> int | None:
    """The bytes of the state of one layer; None without."""
    layers = [one for one in read.architecture.layers if not one.keeps_tokens]
    return state_bytes(read.architecture, layers[0], setting) if layers else None
