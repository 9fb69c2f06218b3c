"""Whether a model fits on a VM size: the arithmetic, and each reason why it does not."""

from typing import Any

import pytest
from msgspec.structs import replace

from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.records import Weights
from infra.sizing.fit import Fit, Model, Verdict, Wanted, fit, margin
from infra.sizing.gpus import GIB
from infra.sizing.instance_types import INSTANCE_TYPES, instance_type
from infra.sizing.overhead import read_widths
from infra.sizing.setting import Setting

GB = 1_000_000_000
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
A100, TWO_A100, T4, H100, A10 = (
    "Standard_NC24ads_A100_v4",
    "Standard_NC48ads_A100_v4",
    "Standard_NC4as_T4_v3",
    "Standard_NC40ads_H100_v5",
    "Standard_NV36ads_A10_v5",
)


def model(gigabytes: float = 16, disk: float | None = None, **changes: Any) -> Model:
    config = {**LLAMA, **changes}
    architecture = read_architecture(config)
    size = int(gigabytes * GB)
    weights = Weights(size, size // 2, size // 2, {"BF16": size}, exact=True, others=size)
    return Model(
        "m", architecture, weights, read_widths(config, architecture), None if disk is None else int(disk * GB)
    )


def tried(name: str, of: Model, setting: Setting | None = None, wanted: Wanted | None = None) -> Fit:
    size = instance_type(name)
    assert size is not None
    return fit(of, setting or Setting(), wanted or Wanted(8192), size)


def test_what_is_on_a_gpu_adds_up() -> None:
    found = tried(A100, model())
    assert found.overhead is not None
    assert found.budget == found.weights + found.overhead.total + found.cache
    assert found.per_token == 131072
    assert found.concurrent == found.cache // found.per_sequence == found.cache // (8192 * 131072)
    assert (found.verdict, found.longest, found.advised) == (Verdict.FITS, 131072, 131072)


@pytest.mark.parametrize(
    ("name", "of", "setting", "verdict", "said"),
    [
        pytest.param(A100, model(), Setting(), Verdict.FITS, "", id="fits"),
        pytest.param(
            A100,
            model(141),
            Setting(),
            Verdict.NO,
            "131.3 GiB of weights and 1.6 GiB beside them exceed 72.8",
            id="weights",
        ),
        pytest.param(TWO_A100, model(141), Setting(), Verdict.FITS, "", id="on-two-gpus"),
        pytest.param(
            TWO_A100, model(141), Setting(tensor_parallel=1), Verdict.NO, "exceed 72.8 GiB", id="but-not-on-one-of-them"
        ),
        pytest.param(
            A100, model(), Setting(tensor_parallel=2), Verdict.NO, "needs 2 GPUs, it has 1", id="too-few-gpus"
        ),
        pytest.param(
            A100, model(), Setting(data_parallel=2), Verdict.NO, "needs 2 GPUs, it has 1", id="too-few-for-copies"
        ),
        pytest.param(
            "Standard_NC96ads_A100_v4",
            model(num_attention_heads=30, num_key_value_heads=10),
            Setting(tensor_parallel=4),
            Verdict.NO,
            "cannot divide its 30 heads among 4 GPUs",
            id="heads",
        ),
        pytest.param(
            "Standard_ND40rs_v2",
            model(),
            Setting(),
            Verdict.NO,
            "compute capability 7.0; vLLM's image needs 7.5",
            id="volta",
        ),
        pytest.param(
            T4,
            model(1),
            Setting(dtype="bfloat16"),
            Verdict.NO,
            "dtype bfloat16 needs compute capability 8.0",
            id="no-bfloat16",
        ),
        pytest.param(T4, model(1), Setting(), Verdict.FITS, "", id="float16-instead"),
        pytest.param(
            A10,
            model(16),
            Setting(max_model_len=131072),
            Verdict.NO,
            "tokens of one request, 131,072 wanted",
            id="cache",
        ),
        pytest.param(
            A100, model(76), Setting(), Verdict.TIGHT, "within the margin of the estimate: room for 3,664", id="nearly"
        ),
        pytest.param(
            H100,
            model(40, disk=110),
            Setting(),
            Verdict.TIGHT,
            "110 GB of files and the image of 30 GB exceed the 128 GB of disk that were seen",
            id="disk-that-was-seen",
        ),
        pytest.param(
            T4,
            model(4, disk=300),
            Setting(),
            Verdict.NO,
            "300 GB of files and the image of 30 GB exceed its disks of 189 GB",
            id="disk",
        ),
        pytest.param(
            T4,
            model(1),
            Setting(cache_dtype="fp8"),
            Verdict.NO,
            "a KV cache of fp8 needs compute capability 8.0, a T4 has 7.5",
            id="fp8-cache",
        ),
        pytest.param(A10, model(1), Setting(cache_dtype="fp8"), Verdict.FITS, "", id="fp8-cache-on-ampere"),
        pytest.param(
            A100,
            model(16),
            Setting(max_model_len=131073),
            Verdict.NO,
            "vLLM serves it with 131,072 tokens at most, 131,073 wanted",
            id="longer-than-the-model",
        ),
        pytest.param(A100, model(16), Setting(max_model_len=140000, lengthened=True), Verdict.FITS, "", id="by-order"),
        pytest.param(A100, model(60), Setting(utilization=0.5), Verdict.NO, "exceed 39.6 GiB", id="a-smaller-share"),
        pytest.param(A100, model(141), Setting(quantization="fp8"), Verdict.FITS, "", id="quantized-on-load"),
    ],
)
def test_each_reason(name: str, of: Model, setting: Setting, verdict: Verdict, said: str) -> None:
    found = tried(name, of, setting, Wanted(setting.max_model_len or 8192))
    assert (found.verdict, said in found.why) == (verdict, True), found.why


def test_several_requests_at_once_need_their_cache() -> None:
    one, many = tried(A10, model()), tried(A10, model(), wanted=Wanted(8192, 20))
    assert (one.verdict, many.verdict) == (Verdict.FITS, Verdict.NO)
    assert many.why == f"room for {one.concurrent} requests of 8,192 tokens, 20 wanted"


def test_what_is_advised_leaves_the_margin() -> None:
    found = tried(A10, model())
    assert found.advised % 1024 == 0
    assert found.advised * found.per_token <= found.cache - margin(found) < (found.advised + 1024) * found.per_token
    assert found.longest > found.advised


def test_fewer_requests_than_would_fit_are_computed_at_once() -> None:
    assert tried(A100, model(1), wanted=Wanted(128)).concurrent == 256
    assert tried(A100, model(1), Setting(max_num_seqs=8), Wanted(128)).concurrent == 8


@pytest.mark.parametrize(
    ("setting", "share"),
    [
        pytest.param(Setting(tensor_parallel=2), 2, id="tensor"),
        pytest.param(Setting(pipeline_parallel=2, tensor_parallel=1), 2, id="pipeline"),
        pytest.param(Setting(data_parallel=2, tensor_parallel=1), 1, id="data"),
    ],
)
def test_gpus_share_weights_and_cache(setting: Setting, share: int) -> None:
    alone, found = tried(A100, model()), tried(TWO_A100, model(), setting)
    assert (found.weights, found.per_token) == (alone.weights // share, alone.per_token // share)
    assert found.concurrent > alone.concurrent


def test_a_cache_of_eight_bits_holds_twice_as_much() -> None:
    plain, eight = tried(A100, model()), tried(A100, model(), Setting(cache_dtype="fp8"))
    assert plain.per_token == 2 * eight.per_token


def test_a_cache_that_is_given_is_the_one_that_counts() -> None:
    assert tried(A100, model(), Setting(cache_bytes=2 * GIB)).concurrent == 2


def test_without_graphs_there_is_more_cache() -> None:
    assert tried(A100, model(), Setting(eager=True)).cache - tried(A100, model()).cache == int(0.8 * GIB)


def test_all_gpus_of_a_size_are_used_as_far_as_the_heads_allow() -> None:
    assert tried("Standard_ND96isr_H100_v5", model()).tensor_parallel == 8
    assert tried("Standard_ND96isr_H100_v5", model(num_attention_heads=40, num_key_value_heads=10)).tensor_parallel == 2


@pytest.mark.parametrize("name", INSTANCE_TYPES)
def test_an_unknown_architecture_is_said_to_be_unknown(name: str) -> None:
    of = model(16, architectures=["UnheardOfForCausalLM"], model_type="unheard")
    found = tried(name, of)
    assert found.verdict in (Verdict.UNKNOWN, Verdict.NO)
    if found.verdict is Verdict.UNKNOWN:
        assert "its cache is not known: UnheardOf" in found.why


def test_without_a_name_the_type_of_the_model_counts() -> None:
    """vLLM goes by `model_type` where config.json has no `architectures`."""
    assert tried(A100, model(architectures=None)).per_token == tried(A100, model()).per_token


def test_an_unknown_architecture_whose_weights_are_too_large_does_not_fit() -> None:
    of = model(141, architectures=["UnheardOfForCausalLM"], model_type="unheard")
    assert tried(A100, of).verdict is Verdict.NO


def test_unknown_weights_are_unknown() -> None:
    found = tried(A100, replace(model(), weights=None))
    assert (found.verdict, found.why) == (Verdict.UNKNOWN, "nobody says how large its weights are")


def test_parts_of_gpus_and_gpus_without_a_link_have_their_cautions() -> None:
    assert "vGPU driver" in tried(A10, model()).cautions[0]
    assert "NCCL_SHM_DISABLE" in tried(TWO_A100, model()).cautions[0]
    assert tried(A100, model()).cautions == tried("Standard_ND96isr_H100_v5", model()).cautions == ()


def test_an_encoder_keeps_no_cache() -> None:
    config = {"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "hidden_size": 1024}
    config |= {
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "vocab_size": 250002,
        "max_position_embeddings": 8194,
    }
    architecture = read_architecture(config)
    weights = Weights(2 * GB, GB // 2, GB // 2, {"F32": 2 * GB}, exact=True, others=GB)
    found = tried(T4, Model("m", architecture, weights, read_widths(config, architecture)))
    assert (found.verdict, found.per_token, found.concurrent) == (Verdict.FITS, 0, 0)
