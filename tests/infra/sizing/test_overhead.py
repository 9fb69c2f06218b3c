"""What vLLM takes beside weights and cache, held to what its logs said on real GPUs."""

import pytest
from msgspec.structs import replace

from infra.sizing.architecture.records import Architecture, Experts
from infra.sizing.gpus import A100_PCIE, GIB, H100_SXM
from infra.sizing.overhead import SAMPLER, Overhead, Widths, overhead_of, read_widths
from infra.sizing.setting import Setting

LLAMA_8B = Architecture("LlamaForCausalLM", known=True, hidden=4096, vocabulary=128256)
GPT_OSS = Architecture("GptOssForCausalLM", known=True, hidden=2880, vocabulary=201088, experts=Experts(128, 4))


def as_logged(found: Overhead) -> Overhead:
    """With the sampler of the vLLM that wrote the logs, which sorted: 36 bytes for each logit."""
    return replace(found, sampler=found.sampler * 36 // SAMPLER)


def test_activations_of_llama_8b_are_near_those_in_the_log() -> None:
    """vllm-project/vllm#10511: 1.26 GiB with 8192 batched tokens and 256 sequences."""
    found = overhead_of(LLAMA_8B, Widths(14336), Setting(max_num_batched_tokens=8192), A100_PCIE)
    assert as_logged(found).activations / GIB == pytest.approx(1.26, rel=0.25)


@pytest.mark.parametrize(
    ("tokens", "logged"),
    [
        pytest.param(8192, 7.4, id="by-default"),  # vllm-project/vllm#23278
        pytest.param(1024, 7.5, id="with-fewer-batched-tokens"),  # vllm-project/vllm#27508
    ],
)
def test_gpt_oss_120b_on_an_h100_is_near_the_log(tokens: int, logged: float) -> None:
    """The logs are without CUDA graphs, and their loaded weights have the padding in them already."""
    found = overhead_of(GPT_OSS, Widths(0, 2880), Setting(max_num_batched_tokens=tokens), H100_SXM)
    assert (as_logged(found).total - found.graphs) / GIB == pytest.approx(logged, rel=0.1)


def test_the_two_peaks_do_not_meet() -> None:
    assert Overhead(forward=5, sampler=3, graphs=1, other=1).total == 7


@pytest.mark.parametrize(
    ("config", "experts", "widths"),
    [
        pytest.param({"intermediate_size": 100}, None, Widths(100), id="dense"),
        pytest.param({"text_config": {"intermediate_size": 100}}, None, Widths(100), id="inside-a-vision-model"),
        pytest.param({}, None, Widths(4 * 64), id="nobody-says"),
        pytest.param({"intermediate_size": 100, "moe_intermediate_size": 7}, Experts(8, 2), Widths(0, 7), id="experts"),
        pytest.param({"intermediate_size": 100}, Experts(8, 2), Widths(100, 100), id="experts-by-the-only-width"),
    ],
)
def test_widths_are_read_where_they_stand(config: dict[str, object], experts: Experts | None, widths: Widths) -> None:
    assert read_widths(config, Architecture("X", known=True, hidden=64, experts=experts)) == widths


def test_several_gpus_need_buffers_and_no_more_than_one_draws() -> None:
    one = overhead_of(LLAMA_8B, Widths(14336), Setting(), A100_PCIE)
    two = overhead_of(LLAMA_8B, Widths(14336), Setting(tensor_parallel=2), A100_PCIE)
    assert (two.sampler, two.other > one.other, two.forward < one.forward) == (one.sampler, True, True)
