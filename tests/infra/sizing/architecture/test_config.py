"""What is read in config.json, and what is said of one that is wrong or of an architecture that nobody knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.sizing.architecture.cache import (
    CacheSetting,
    block_count,
    bytes_per_sequence,
    bytes_per_token,
    tensor_parallel_sizes,
)
from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.records import Experts, LayerGroup, Quantization
from tests.infra.sizing.architecture.tiny_models import public_configs

PUBLIC = public_configs()
RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text())
LLAMA: dict[str, Any] = PUBLIC["llama-3.1-8b"]
MIXED = ["sliding_attention", "full_attention"]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("llama-3.1-8b", (LayerGroup("full", 32, 32, 8, 128, 128),)),
        ("llama-3.1-70b", (LayerGroup("full", 80, 64, 8, 128, 128),)),
        ("qwen3-8b", (LayerGroup("full", 36, 32, 8, 128, 128),)),
        ("qwen3-30b-a3b", (LayerGroup("full", 48, 32, 4, 128, 128),)),
        ("gpt-oss-20b", (LayerGroup("full", 12, 64, 8, 64, 64), LayerGroup("sliding", 12, 64, 8, 64, 64, 128))),
        ("gpt-oss-120b", (LayerGroup("full", 18, 64, 8, 64, 64), LayerGroup("sliding", 18, 64, 8, 64, 64, 128))),
        ("mistral-small-3.1-24b", (LayerGroup("full", 40, 32, 8, 128, 128),)),
        (
            "gemma-3-27b",
            (LayerGroup("full", 10, 32, 16, 128, 128), LayerGroup("sliding", 52, 32, 16, 128, 128, 1024)),
        ),
        ("deepseek-v3", (LayerGroup("mla", 61, 128, 1, 576),)),
        ("phi-4", (LayerGroup("full", 40, 40, 10, 128, 128),)),
        ("bge-m3", ()),
    ],
)
def test_layers_of_public_models(name: str, layers: tuple[LayerGroup, ...]) -> None:
    assert read_architecture(PUBLIC[name]).layers == layers


def test_layers_of_granite_4() -> None:
    full, mamba = read_architecture(PUBLIC["granite-4.0-h-small"]).layers
    assert full == LayerGroup("full", 4, 32, 8, 128, 128)
    assert (mamba.kind, mamba.count, len(mamba.state)) == ("mamba2", 36, 2)


@pytest.mark.parametrize(
    ("name", "experts", "vision", "encoder"),
    [
        ("llama-3.1-8b", None, False, False),
        ("qwen3-30b-a3b", Experts(128, 8), False, False),
        ("gpt-oss-20b", Experts(32, 4), False, False),
        ("deepseek-v3", Experts(256, 8), False, False),
        ("granite-4.0-h-small", Experts(72, 10), False, False),
        ("gemma-3-27b", None, True, False),
        ("mistral-small-3.1-24b", None, True, False),
        ("bge-m3", None, False, True),
    ],
)
def test_what_else_a_model_has(name: str, experts: Experts | None, vision: bool, encoder: bool) -> None:
    found = read_architecture(PUBLIC[name])
    assert (found.experts, found.vision, found.encoder_only) == (experts, vision, encoder)


@pytest.mark.parametrize(
    ("fields", "layers"),
    [
        pytest.param({"num_key_value_heads": None}, [("full", 32)], id="heads of keys are those of queries"),
        pytest.param({"head_dim": 256}, [("full", 8)], id="an explicit size of heads"),
        pytest.param({"sliding_window": 512}, [("sliding", 8)], id="a window for all"),
        pytest.param(
            {"sliding_window": 512, "layer_types": MIXED * 16}, [("full", 8), ("sliding", 8)], id="a window for some"
        ),
        pytest.param({"sliding_window": 0}, [("full", 8)], id="a window of nothing is none"),
        pytest.param({"num_hidden_layers": 32.0}, [("full", 8)], id="a whole number written as a fraction"),
    ],
)
def test_kinds_and_heads(fields: dict[str, Any], layers: list[tuple[str, int]]) -> None:
    found = read_architecture(LLAMA | fields)
    assert [(one.kind, one.kv_heads) for one in found.layers] == layers
    assert found.known


def test_a_missing_number_of_kv_heads_is_that_of_the_class() -> None:
    config = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
    assert read_architecture(config).kv_heads == 32
    qwen = {**config, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "num_attention_heads": 64}
    assert read_architecture(qwen).kv_heads == 32


def test_qwen2_slides_only_where_it_says_so() -> None:
    qwen = {**LLAMA, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "sliding_window": 4096}
    assert [one.kind for one in read_architecture({**qwen, "use_sliding_window": False}).layers] == ["full"]
    assert [one.kind for one in read_architecture(qwen).layers] == ["full"]
    every = {**qwen, "use_sliding_window": True, "max_window_layers": 0}
    assert [one.kind for one in read_architecture(every).layers] == ["sliding"]


def test_llama_4_reads_in_chunks_where_it_has_positions() -> None:
    config = {
        "architectures": ["Llama4ForConditionalGeneration"],
        "model_type": "llama4",
        "text_config": {"model_type": "llama4_text", "num_hidden_layers": 48, "attention_chunk_size": 8192},
        "vision_config": {},
    }
    found = read_architecture(config)
    assert [(one.kind, one.count, one.window) for one in found.layers] == [("full", 12, 0), ("chunked", 36, 8192)]


def test_gemma_4_has_larger_heads_in_full_layers_and_layers_that_share() -> None:
    text = {
        "model_type": "gemma4_text",
        "num_hidden_layers": 35,
        "num_key_value_heads": 1,
        "num_kv_shared_layers": 20,
        "global_head_dim": 512,
        "layer_types": [*["sliding_attention"] * 4, "full_attention"] * 7,
    }
    found = read_architecture(
        {"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4", "text_config": text}
    )
    assert [(one.kind, one.count, one.head_size) for one in found.layers] == [("full", 3, 512), ("sliding", 12, 256)]


def test_deepseek_v32_keeps_an_index_beside_the_vector() -> None:
    config = {**PUBLIC["deepseek-v3"], "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32"}
    found = read_architecture({**config, "index_topk": 2048, "index_head_dim": 128, "index_n_heads": 64})
    assert [(one.kind, one.count, one.head_size) for one in found.layers] == [("mla", 61, 576), ("mla-index", 61, 132)]


def test_a_language_model_below_a_vision_model_is_found() -> None:
    text = {key: value for key, value in LLAMA.items() if key not in ("architectures", "torch_dtype")}
    config = {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "text_config": text}
    found = read_architecture({**config, "vision_config": {"hidden_size": 1024}, "torch_dtype": "float16"})
    assert (found.known, found.vision, found.dtype) == (True, True, "float16")
    assert found.layers == read_architecture(LLAMA).layers


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"rope_scaling": {"type": "linear", "factor": float("nan")}}, "RoPE by nan", id="no-factor"),
        pytest.param({"rope_scaling": {"type": "linear", "factor": float("inf")}}, "RoPE by inf", id="endless"),
        pytest.param({"rope_scaling": {"type": "linear", "factor": -2}}, "RoPE by -2", id="below-zero"),
        pytest.param({"hidden_size": 10**30}, "which is more than can be", id="too-large"),
        pytest.param(
            {"num_attention_heads": 10**30, "num_key_value_heads": 10**30}, "which is more than can be", id="heads"
        ),
        pytest.param({"architectures": ["\x1b[31mEvil"]}, "[31mEvil is none of", id="escapes"),
    ],
)
def test_absurd_values_are_said_and_control_nothing(fields: dict[str, Any], said: str) -> None:
    found = read_architecture(LLAMA | fields)
    assert (found.known, said in found.unknown, "\x1b" in found.name + found.unknown) == (False, True, False), found


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, Quantization("awq", 4)),
        ({"quant_method": "gptq", "bits": 8}, Quantization("gptq", 8)),
        ({"quant_method": "fp8", "activation_scheme": "dynamic"}, Quantization("fp8", 8, 8)),
        ({"quant_method": "mxfp4"}, Quantization("mxfp4", 4)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Quantization("bitsandbytes", 4)),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, Quantization("bitsandbytes", 8)),
        (
            {
                "quant_method": "compressed_tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4}, "input_activations": None}},
            },
            Quantization("compressed-tensors", 4),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8}, "input_activations": {"num_bits": 8}}},
                "kv_cache_scheme": {"num_bits": 8, "type": "float"},
            },
            Quantization("compressed-tensors", 8, 8, "fp8"),
        ),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, Quantization("modelopt_fp4", 4, 4)),
        (
            {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
            Quantization("modelopt", 8, 8, "fp8"),
        ),
        ({"quant_method": "something-new"}, Quantization("something-new", None)),
    ],
    ids=lambda value: value.method if isinstance(value, Quantization) else "",
)
def test_quantization_of_the_repository(stated: dict[str, Any], expected: Quantization) -> None:
    assert read_architecture(LLAMA | {"quantization_config": stated}).quantization == expected


@pytest.mark.parametrize(
    ("config", "why"),
    [
        pytest.param([], "config.json is no JSON object", id="a list"),
        pytest.param({}, "names no architecture", id="empty"),
        pytest.param({"architectures": "LlamaForCausalLM"}, "names no architecture", id="a text for a list"),
        pytest.param(
            LLAMA | {"architectures": ["NobodysForCausalLM"]}, "NobodysForCausalLM is none of", id="unheard of"
        ),
        pytest.param(
            LLAMA | {"architectures": ["OwnForCausalLM"], "auto_map": {"AutoModel": "own.Own"}, "model_type": "own"},
            "OwnForCausalLM that the repository brings itself (auto_map) is none of",
            id="code of its own",
        ),
        pytest.param(LLAMA | {"model_type": "other"}, "language model of type 'other'", id="another language model"),
        pytest.param(
            LLAMA | {"num_hidden_layers": "many"}, "num_hidden_layers: 'many', which is no whole number", id="a text"
        ),
        pytest.param(LLAMA | {"hidden_size": True}, "hidden_size: True, which is no whole number", id="a truth"),
        pytest.param(LLAMA | {"num_attention_heads": -4}, "num_attention_heads: -4", id="a negative number"),
        pytest.param(
            LLAMA | {"num_key_value_heads": 7}, "32 heads of queries for 7 of keys", id="heads that do not divide"
        ),
        pytest.param(
            LLAMA | {"sliding_window": 9, "layer_types": ["full_attention"]},
            "1 layer_types for 32 layers",
            id="too few types",
        ),
        pytest.param(
            LLAMA | {"sliding_window": 9, "layer_types": {"a": 1}},
            "layer_types: {'a': 1}, which is no list",
            id="no list",
        ),
        pytest.param(
            {"architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hybrid_override_pattern": "M?"},
            "says in no known way which of its layers are attention",
            id="an unknown kind of layers",
        ),
    ],
)
def test_what_is_not_known_is_said(config: Any, why: str) -> None:
    found = read_architecture(config)
    assert not found.known
    assert why in found.unknown


def test_a_classifier_of_a_known_model_is_known() -> None:
    assert read_architecture(LLAMA | {"architectures": ["LlamaForSequenceClassification"]}).known


def test_an_embedding_model_that_reads_both_ways_keeps_nothing() -> None:
    config = {"architectures": ["Gemma3TextModel"], "model_type": "gemma3_text", "use_bidirectional_attention": True}
    found = read_architecture(config)
    assert (found.known, found.encoder_only, found.layers) == (True, True, ())


STRANGE: list[Any] = [None, "x", -1, 0, 1.5, 10**9, True, [], [None], ["x"], {}, {"a": 1}, {"0": {"head_dim": "x"}}]
EVERYTHING = PUBLIC | {name: found["config"] for name, found in RECORDED.items()}


@pytest.mark.parametrize("name", list(EVERYTHING))
def test_no_value_of_any_field_is_an_exception(name: str) -> None:
    config = EVERYTHING[name]
    inner = config.get("text_config") or {}
    for value in STRANGE:
        changed = [{**config, field: value} for field in [*config, "per_layer_config", "rope_scaling", "auto_map"]]
        changed += [{**config, "text_config": {**inner, field: value}} for field in inner]
        for each in changed:
            found = read_architecture(each)
            for parts in (1, 8):
                setting = CacheSetting(tensor_parallel=parts)
                if found.known:
                    assert bytes_per_sequence(found, 1000, setting) >= bytes_per_token(found, setting) >= 0
                    assert (block_count(found, 1 << 30, setting) or 0) >= 0
                    tensor_parallel_sizes(found)
