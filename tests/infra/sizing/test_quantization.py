"""What quantized weights need of a GPU is what vLLM's own methods say."""

import pytest

from infra.sizing.architecture.records import Architecture, Quantization, Weights
from infra.sizing.gpus import A10, A100_PCIE, H100_NVL, T4, Gpu
from infra.sizing.quantization import GONE, LOWEST, NO_FLOAT16, ON_LOAD, OTHERS, dtype_on, loaded_bytes, refusal

LLAMA = Architecture("LlamaForCausalLM", known=True, model_type="llama")
GB = 1_000_000_000


@pytest.mark.parametrize("method", [method for method in LOWEST if method != "mxfp8"])
def test_each_method_needs_what_vllm_says(method: str) -> None:
    from vllm.model_executor.layers.quantization import get_quantization_config

    assert LOWEST[method] == get_quantization_config(method).get_min_capability()


def test_what_is_quantized_on_load_is_known_to_vllm() -> None:
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    assert set(ON_LOAD) <= set(QUANTIZATION_METHODS)
    assert not set(GONE) & set(QUANTIZATION_METHODS)


def test_every_method_of_vllm_is_known() -> None:
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    assert set(QUANTIZATION_METHODS) <= {*LOWEST, *ON_LOAD, *OTHERS}


def test_models_without_float16_are_vllms_own() -> None:
    from vllm.config.model import _FLOAT16_NOT_SUPPORTED_MODELS

    assert set(NO_FLOAT16) == set(_FLOAT16_NOT_SUPPORTED_MODELS)


@pytest.mark.parametrize(
    ("model_type", "stored", "wanted", "gpu", "dtype"),
    [
        pytest.param("llama", "bfloat16", "auto", A100_PCIE, "bfloat16", id="as-stored"),
        pytest.param("llama", "bfloat16", "auto", T4, "float16", id="turing-has-no-bfloat16"),
        pytest.param("gemma3_text", "bfloat16", "auto", T4, "float32", id="gemma-does-not-compute-in-float16"),
        pytest.param("llama", "float16", "auto", T4, "float16", id="float16-everywhere"),
        pytest.param("llama", "bfloat16", "half", A100_PCIE, "float16", id="another-word"),
    ],
)
def test_the_type_of_numbers(model_type: str, stored: str, wanted: str, gpu: Gpu, dtype: str) -> None:
    model = Architecture("X", known=True, model_type=model_type, dtype=stored)
    assert dtype_on(model, wanted, gpu) == dtype


@pytest.mark.parametrize(
    ("stored", "asked", "dtype", "gpu", "said"),
    [
        pytest.param(None, "", "bfloat16", A100_PCIE, "", id="plain"),
        pytest.param("fp8", "", "bfloat16", A100_PCIE, "", id="fp8-is-kept-by-ampere"),
        pytest.param(None, "fp8", "float16", T4, "", id="and-by-turing"),
        pytest.param(
            "mxfp4", "", "float16", T4, "mxfp4 needs compute capability 8.0, a T4 has 7.5", id="mxfp4-on-turing"
        ),
        pytest.param("mxfp4", "", "bfloat16", A10, "", id="mxfp4-on-ampere"),
        pytest.param(
            "fp_quant", "", "bfloat16", H100_NVL, "fp_quant needs compute capability 10.0", id="blackwell-alone"
        ),
        pytest.param(None, "", "bfloat16", T4, "dtype bfloat16 needs compute capability 8.0", id="bfloat16-asked-for"),
        pytest.param(
            None, "awq", "bfloat16", A100_PCIE, "vLLM cannot quantize to awq while it loads", id="not-on-load"
        ),
        pytest.param("fp8", "fp8", "bfloat16", A10, "", id="as-it-is-stored"),
        pytest.param("auto-round", "", "bfloat16", A10, "", id="another-name"),
        pytest.param(
            "weird", "", "bfloat16", A10, "vLLM 0.32 knows no quantization that is called weird", id="unheard-of"
        ),
        pytest.param(
            "awq", "fp8", "float16", A10, "its weights are awq already, which vLLM does not quantize to fp8", id="again"
        ),
        pytest.param(
            None, "bitsandbytes", "bfloat16", A10, "vLLM 0.32 does not serve bitsandbytes", id="gone-from-vllm"
        ),
    ],
)
def test_what_vllm_would_refuse(stored: str | None, asked: str, dtype: str, gpu: Gpu, said: str) -> None:
    model = Architecture("X", known=True, quantization=Quantization(stored) if stored else None)
    found = refusal(model, asked, dtype, gpu)
    assert found.startswith(said) if said else not found


@pytest.mark.parametrize(
    ("quantization", "dtype", "gigabytes"),
    [
        pytest.param("", "bfloat16", 16, id="as-it-is"),
        pytest.param("", "float32", 32, id="float32-takes-twice"),
        pytest.param("fp8", "bfloat16", 9, id="fp8-halves-all-but-the-tables"),
        pytest.param("int8_per_channel_weight_only", "bfloat16", 9, id="int8"),
        pytest.param("experts_int8", "bfloat16", 16, id="there-are-no-experts"),
    ],
)
def test_what_weights_take_in_memory(quantization: str, dtype: str, gigabytes: int) -> None:
    weights = Weights(16 * GB, 8 * GB, 8 * GB, {"BF16": 16 * GB}, exact=True, table=2 * GB, others=14 * GB)
    assert loaded_bytes(LLAMA, weights, quantization, dtype) == gigabytes * GB


def test_weights_that_are_quantized_stay_as_they_are() -> None:
    model = Architecture("X", known=True, quantization=Quantization("awq", 4))
    weights = Weights(5 * GB, 8 * GB, 8 * GB, {}, exact=True, others=5 * GB)
    assert loaded_bytes(model, weights, "", "float16") == 5 * GB
