"""Weights by the tensors in headers of safetensors files: all of them, those of one GPU, and those that work."""

from math import prod
from typing import Any

import pytest

from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.weights import weights_of, weights_of_size, weights_per_gpu
from tests.infra.sizing.architecture.tiny_models import public_configs

PUBLIC = public_configs()
SIZES = {"BF16": 2, "F16": 2, "F32": 4, "U8": 1, "I32": 4, "F8_E4M3": 1}
Shapes = dict[str, tuple[str, tuple[int, ...]]]


def header(shapes: Shapes) -> dict[str, Any]:
    """A header of a safetensors file with these tensors."""
    found: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (dtype, shape) in shapes.items():
        end = offset + prod(shape) * SIZES[dtype]
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    return found


def llama(config: dict[str, Any]) -> Shapes:
    """The tensors of a model of Llama's architecture."""
    hidden, inner, depth = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    keys = config["num_key_value_heads"] * hidden // config["num_attention_heads"]
    shapes: Shapes = {
        "model.embed_tokens.weight": ("BF16", (config["vocab_size"], hidden)),
        "model.norm.weight": ("BF16", (hidden,)),
        "lm_head.weight": ("BF16", (config["vocab_size"], hidden)),
    }
    for index in range(depth):
        layer = f"model.layers.{index}"
        shapes |= {f"{layer}.self_attn.{one}_proj.weight": ("BF16", (hidden, hidden)) for one in "qo"}
        shapes |= {f"{layer}.self_attn.{one}_proj.weight": ("BF16", (keys, hidden)) for one in "kv"}
        shapes |= {f"{layer}.mlp.{one}_proj.weight": ("BF16", (inner, hidden)) for one in ("gate", "up", "down")}
        shapes |= {f"{layer}.{one}_layernorm.weight": ("BF16", (hidden,)) for one in ("input", "post_attention")}
    return shapes


def gpt_oss(config: dict[str, Any]) -> Shapes:
    """The tensors of gpt-oss: its experts are packed, two numbers to a byte, with a scale for each 32."""
    hidden, experts = config["hidden_size"], config["num_local_experts"]
    shapes: Shapes = {
        "model.embed_tokens.weight": ("BF16", (config["vocab_size"], hidden)),
        "lm_head.weight": ("BF16", (config["vocab_size"], hidden)),
        "model.norm.weight": ("BF16", (hidden,)),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"model.layers.{index}"
        for one, size in (("q", 4096), ("k", 512), ("v", 512)):
            shapes[f"{layer}.self_attn.{one}_proj.weight"] = ("BF16", (size, hidden))
            shapes[f"{layer}.self_attn.{one}_proj.bias"] = ("BF16", (size,))
        shapes[f"{layer}.self_attn.o_proj.weight"] = ("BF16", (hidden, 4096))
        shapes[f"{layer}.self_attn.o_proj.bias"] = ("BF16", (hidden,))
        shapes[f"{layer}.self_attn.sinks"] = ("BF16", (64,))
        shapes[f"{layer}.input_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{layer}.post_attention_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{layer}.mlp.router.weight"] = ("BF16", (experts, hidden))
        shapes[f"{layer}.mlp.router.bias"] = ("BF16", (experts,))
        for one, size in (("gate_up", 2 * hidden), ("down", hidden)):
            shapes[f"{layer}.mlp.experts.{one}_proj_blocks"] = ("U8", (experts, size, hidden // 32, 16))
            shapes[f"{layer}.mlp.experts.{one}_proj_scales"] = ("U8", (experts, size, hidden // 32))
            shapes[f"{layer}.mlp.experts.{one}_proj_bias"] = ("BF16", (experts, size))
    return shapes


@pytest.mark.parametrize(("name", "parameters"), [("llama-3.1-8b", 8_030_261_248), ("llama-3.1-70b", 70_553_706_496)])
def test_llama_has_the_published_parameters(name: str, parameters: int) -> None:
    found = weights_of([header(llama(PUBLIC[name]))], read_architecture(PUBLIC[name]))
    assert (found.parameters, found.active_parameters, found.bytes) == (parameters, parameters, 2 * parameters)
    assert (found.loaded, found.exact, found.by_dtype) == (found.bytes, True, {"BF16": found.bytes})


@pytest.mark.parametrize(
    ("name", "parameters", "active", "size"),
    [
        ("gpt-oss-20b", 20_914_757_184, 4_187_440_704, 13_761_264_768),
        ("gpt-oss-120b", 116_829_156_672, 5_711_982_912, 65_248_815_744),
    ],
)
def test_packed_numbers_count_each_and_scales_do_not(name: str, parameters: int, active: int, size: int) -> None:
    found = weights_of([header(gpt_oss(PUBLIC[name]))], read_architecture(PUBLIC[name]))
    assert (found.parameters, found.active_parameters, found.bytes) == (parameters, active, size)


def test_a_tensor_in_two_files_counts_once() -> None:
    llama_8b = header(llama(PUBLIC["llama-3.1-8b"]))
    architecture = read_architecture(PUBLIC["llama-3.1-8b"])
    assert weights_of([llama_8b, llama_8b], architecture) == weights_of([llama_8b], architecture)


def test_one_gpu_of_several() -> None:
    architecture = read_architecture(PUBLIC["llama-3.1-8b"])
    found = weights_of([header(llama(PUBLIC["llama-3.1-8b"]))], architecture)
    norms = (2 * 32 + 1) * 4096 * 2
    assert weights_per_gpu(architecture, found, 1) == found.bytes
    assert weights_per_gpu(architecture, found, 4) == norms + (found.bytes - norms) // 4


def test_projections_to_keys_are_copied_where_there_are_more_gpus_than_heads() -> None:
    config = PUBLIC["llama-3.1-8b"]
    architecture = read_architecture(config)
    found = weights_of([header(llama(config))], architecture)
    keys = 32 * 2 * 1024 * 4096 * 2
    norms = (2 * 32 + 1) * 4096 * 2
    assert weights_per_gpu(architecture, found, 16) == norms + keys // 8 + (found.bytes - norms - keys) // 16


@pytest.mark.parametrize(
    ("name", "dtype", "quantization", "parameters", "loaded"),
    [
        pytest.param("model.layers.0.mlp.up_proj.qweight", "I32", {"quant_method": "awq", "bits": 4}, 8, 4, id="awq"),
        pytest.param("model.layers.0.mlp.up_proj.qzeros", "I32", {"quant_method": "awq", "bits": 4}, 0, 4, id="zeros"),
        pytest.param("model.layers.0.mlp.up_proj.scales", "F16", {"quant_method": "awq", "bits": 4}, 0, 2, id="scales"),
        pytest.param("model.layers.0.mlp.up_proj.g_idx", "I32", {"quant_method": "gptq", "bits": 4}, 0, 4, id="gptq"),
        pytest.param("model.layers.0.mlp.up_proj.weight", "F8_E4M3", {"quant_method": "fp8"}, 1, 1, id="fp8"),
        pytest.param(
            "model.layers.0.mlp.up_proj.weight_scale_inv", "F32", {"quant_method": "fp8"}, 0, 4, id="its scale"
        ),
        pytest.param(
            "model.layers.0.mlp.up_proj.weight",
            "U8",
            {"quant_method": "bitsandbytes", "load_in_4bit": True},
            2,
            1,
            id="bitsandbytes",
        ),
        pytest.param("model.layers.0.mlp.up_proj.weight", "F32", None, 1, 2, id="float32 is loaded as bfloat16"),
        pytest.param("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", None, 0, 0, id="what vLLM leaves out"),
        pytest.param("model.layers.32.mlp.up_proj.weight", "BF16", None, 1, 0, id="a layer beyond the last"),
    ],
)
def test_one_number(name: str, dtype: str, quantization: dict[str, Any] | None, parameters: int, loaded: int) -> None:
    config = PUBLIC["llama-3.1-8b"] | ({"quantization_config": quantization} if quantization else {})
    found = weights_of([header({name: (dtype, (1,))})], read_architecture(config))
    assert (found.parameters, found.loaded, found.bytes) == (parameters, loaded, SIZES[dtype])


def test_a_vision_tower_counts_whole_on_each_gpu() -> None:
    architecture = read_architecture(PUBLIC["gemma-3-27b"])
    shapes: Shapes = {"vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight": ("BF16", (64, 64))}
    found = weights_of([header(shapes)], architecture)
    assert (found.towers, weights_per_gpu(architecture, found, 4)) == (8192, 8192)


def test_files_whose_sizes_alone_are_known() -> None:
    architecture = read_architecture(PUBLIC["bge-m3"])
    found = weights_of_size(2_271_145_830, architecture)
    assert (found.bytes, found.exact) == (2_271_145_830, False)
    assert found.parameters == pytest.approx(568e6, rel=0.01)
    assert found.loaded == pytest.approx(2 * 568e6, rel=0.01)  # as float16, half of the files
