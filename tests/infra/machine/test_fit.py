"""A model that this machine has no memory for is refused with the numbers, on a CPU and on GPUs."""

from typing import Any

import pytest

from infra.errors import GateliftError
from infra.machine.fit import GIB, SERVER, Serving, check_cpu, check_gpus
from infra.machine.gpus import Gpu

MISTRAL = 14_500_000_000  # bytes of its weights in bfloat16
GB = 1_000_000_000


def serving(weights: int = MISTRAL, engine: dict[str, Any] | None = None, **config: Any) -> Serving:
    return Serving("org/model", weights, {"torch_dtype": "bfloat16", **config}, engine or {}, {})


@pytest.mark.parametrize(
    ("model", "loaded"),
    [
        pytest.param(serving(), 2 * MISTRAL, id="bfloat16-becomes-float32"),
        pytest.param(serving(torch_dtype=None, dtype="float16"), 2 * MISTRAL, id="by-the-newer-name"),
        pytest.param(serving(torch_dtype=None, text_config={"dtype": "bfloat16"}), 2 * MISTRAL, id="of-the-text-model"),
        pytest.param(serving(torch_dtype="float32"), MISTRAL, id="float32-stays"),
        pytest.param(serving(engine={"dtype": "bfloat16"}), MISTRAL, id="as-the-engine-says"),
        pytest.param(serving(engine={"dtype": "auto"}), 2 * MISTRAL, id="auto"),
        pytest.param(serving(torch_dtype="float32", engine={"dtype": "bfloat16"}), MISTRAL // 2, id="half"),
        pytest.param(serving(quantization_config={"bits": 4}), MISTRAL, id="quantized"),
        pytest.param(serving(torch_dtype=None), MISTRAL, id="nobody-says-how-stored"),
    ],
)
def test_what_the_weights_take_on_a_cpu(model: Serving, loaded: int) -> None:
    assert model.loaded == loaded


@pytest.mark.parametrize(
    ("engine", "variables", "cache"),
    [
        pytest.param({}, {}, GIB, id="default"),
        pytest.param({}, {"VLLM_CPU_KVCACHE_SPACE": "4"}, 4 * GIB, id="variable"),
        pytest.param({"kv_cache_memory_bytes": 5 * GB}, {"VLLM_CPU_KVCACHE_SPACE": "4"}, 5 * GB, id="argument"),
        pytest.param({"kv_cache_memory_bytes": "2G"}, {}, 2 * GIB, id="binary"),
        pytest.param({"kv_cache_memory_bytes": "1.5g"}, {}, 1_500_000_000, id="decimal"),
    ],
)
def test_what_the_cache_takes_on_a_cpu(engine: dict[str, Any], variables: dict[str, str], cache: int) -> None:
    assert Serving("org/model", 1, {}, engine, variables).cache == cache


def test_the_numbers_are_said_where_it_is_refused() -> None:
    with pytest.raises(GateliftError) as refused:
        check_cpu(serving(), 16 * GB)
    assert str(refused.value) == (
        "org/model does not fit into this machine's memory: 29.0 GB of weights as float32, 1.1 GB of KV cache and "
        "1.5 GB for the server: 31.6 GB, and this machine has 16.0 GB left"
    )
    assert (refused.value.code, "local: {model:" in refused.value.hint) == ("memory", True)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param(serving(torch_dtype=None), "at least 14.5 GB of weights, ", id="nobody-says-how-stored"),
        pytest.param(serving(quantization_config={"bits": 4}), "14.5 GB of weights, ", id="quantized"),
    ],
)
def test_what_is_not_converted_is_not_said_to_be(model: Serving, words: str) -> None:
    assert check_cpu(model, 100 * GB).startswith(words)


def test_just_enough_is_enough_and_each_server_counts() -> None:
    model = serving(weights=GB)
    each = 2 * GB + GIB + SERVER
    assert "4.6 GB, and this machine has 4.6 GB left" in check_cpu(model, each)
    with pytest.raises(GateliftError, match=r"2 times 4\.6 GB"):
        check_cpu(model, 2 * each - 1, count=2)


def gpu(total: int = 24 * GB, free: int | None = None) -> Gpu:
    return Gpu("0", "GPU-1", "RTX", total, total if free is None else free)


@pytest.mark.parametrize(
    ("model", "gpus"),
    [
        pytest.param(serving(), [gpu()], id="one"),
        pytest.param(serving(weights=40 * GB, engine={"tensor_parallel_size": 2}), [gpu(), gpu()], id="two"),
        pytest.param(serving(engine={"gpu_memory_utilization": 0.7}), [gpu(free=17 * GB)], id="half-of-it-in-use"),
    ],
)
def test_what_fits_on_gpus(model: Serving, gpus: list[Gpu]) -> None:
    assert "of weights of the" in check_gpus(model, gpus)


@pytest.mark.parametrize(
    ("model", "gpus", "said"),
    [
        pytest.param(serving(weights=40 * GB), [gpu(), gpu()], "does not fit on the GPU: 40.0 GB", id="too-large"),
        pytest.param(serving(), [gpu(free=17 * GB)], "has 17.0 GB left, and vLLM takes 22.1 GB", id="in-use"),
        pytest.param(serving(engine={"tensor_parallel_size": 2}), [gpu()], "on 2 GPUs, and this machine", id="too-few"),
    ],
)
def test_what_does_not_fit_on_gpus(model: Serving, gpus: list[Gpu], said: str) -> None:
    with pytest.raises(GateliftError, match=said):
        check_gpus(model, gpus)
