"""The answers for twelve public models: against what is published of them, and all of them in a file.

`.venv/bin/python -m tests.infra.sizing.test_public_models` writes answers.txt anew; look at what changed.
"""

import contextlib
import io
from pathlib import Path

import pytest

from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.weights import weights_of
from infra.sizing.fit import Fit, Verdict, Wanted, fit
from infra.sizing.gpus import GIB
from infra.sizing.instance_types import INSTANCE_TYPES, instance_type
from infra.sizing.offers import Offer, best_of, offers_of
from infra.sizing.setting import Setting
from tests.infra.sizing.public_models import NAMES, config_of, header_of, model_of

ANSWERS = Path(__file__).with_name("answers.txt")
# List prices of eastus, rounded; only their order matters here.
PRICES = {
    "standard_nc4as_t4_v3": 0.53,
    "standard_nc8as_t4_v3": 0.75,
    "standard_nc16as_t4_v3": 1.20,
    "standard_nc64as_t4_v3": 4.35,
    "standard_nv6ads_a10_v5": 0.45,
    "standard_nv12ads_a10_v5": 0.91,
    "standard_nv18ads_a10_v5": 1.60,
    "standard_nv36ads_a10_v5": 3.20,
    "standard_nv36adms_a10_v5": 4.52,
    "standard_nv72ads_a10_v5": 6.52,
    "standard_nc24ads_a100_v4": 3.67,
    "standard_nc48ads_a100_v4": 7.35,
    "standard_nc96ads_a100_v4": 14.69,
    "standard_nc40ads_h100_v5": 6.98,
    "standard_nc80adis_h100_v5": 13.96,
    "standard_nd96asr_v4": 27.20,
    "standard_nd96amsr_a100_v4": 32.77,
    "standard_nd96isr_h100_v5": 98.32,
    "standard_nd96is_h100_v5": 98.32,
    "standard_nd40rs_v2": 22.03,
}
A100, TWO_A100, EIGHT_A100 = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_ND96amsr_A100_v4"
H100, EIGHT_H100, T4, A10 = (
    "Standard_NC40ads_H100_v5",
    "Standard_ND96isr_H100_v5",
    "Standard_NC4as_T4_v3",
    "Standard_NV36ads_A10_v5",
)


def offers(name: str, setting: Setting | None = None) -> list[Offer]:
    model = model_of(name)
    context = min(8192, model.architecture.longest or 8192)
    return offers_of(model, setting or Setting(), Wanted(context), INSTANCE_TYPES.values(), PRICES)


def on(size: str, name: str, setting: Setting | None = None, context: int = 8192) -> Fit:
    found = instance_type(size)
    assert found is not None
    return fit(model_of(name), setting or Setting(), Wanted(context), found)


def answers() -> str:
    lines = []
    for name in NAMES:
        model, found = model_of(name), offers(name)
        best = best_of(found)
        lines.append(f"{name}: {best.fit.instance.name if best else 'nothing'}")
        for offer in found:
            fit = offer.fit
            speed = f"{offer.speed.single:.0f} {offer.speed.together:.0f} tokens/s" if offer.speed else ""
            fits = (
                f"TP {fit.tensor_parallel}, {fit.advised} of {fit.longest} tokens, {fit.concurrent} requests, {speed}"
            )
            lines.append(f"  {fit.instance.name:<27}{fit.verdict.value:<8}{fit.why or fits}")
        assert model.architecture.known
    return "\n".join(lines) + "\n"


def test_all_answers_are_those_that_were_looked_at() -> None:
    assert answers() == ANSWERS.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_those_of_the_models_own_classes(name: str) -> None:
    config = config_of(name)
    with contextlib.redirect_stderr(io.StringIO()):
        assert weights_of([header_of(config)], read_architecture(config)) == model_of(name).weights


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param("llama-3.1-8b", A100, id="llama-8b"),
        pytest.param("llama-3.1-70b", TWO_A100, id="llama-70b-takes-two-a100"),
        pytest.param("qwen3-8b", A100, id="qwen3-8b"),
        pytest.param("qwen3-30b-a3b", A100, id="qwen3-30b"),
        pytest.param("gpt-oss-120b", A100, id="gpt-oss-120b-fits-one-gpu-of-80-gb"),
        pytest.param("mistral-small-3.1-24b", A100, id="mistral-small"),
        pytest.param("gemma-3-27b", A100, id="gemma"),
        pytest.param("phi-4", A100, id="phi-4"),
        pytest.param("granite-4.0-h-small", A100, id="granite"),
        pytest.param("bge-m3", T4, id="bge-m3"),
        pytest.param("deepseek-v3", None, id="deepseek-v3-fits-on-no-vm"),
    ],
)
def test_the_cheapest_size(name: str, size: str | None) -> None:
    best = best_of(offers(name))
    assert (best.fit.instance.name if best else None) == size


@pytest.mark.parametrize(
    ("name", "size", "verdict"),
    [
        pytest.param("llama-3.1-70b", A100, Verdict.NO, id="llama-70b-not-on-one-a100"),
        pytest.param("llama-3.1-70b", TWO_A100, Verdict.FITS, id="llama-70b-on-two"),
        pytest.param("gpt-oss-120b", H100, Verdict.FITS, id="gpt-oss-120b-on-an-h100"),
        # its model card: "within 16GB of memory", with the kernels for MXFP4, which need Ampere
        pytest.param("gpt-oss-20b", T4, Verdict.NO, id="gpt-oss-20b-not-on-turing"),
        pytest.param("gpt-oss-20b", A10, Verdict.FITS, id="gpt-oss-20b-on-24-gb"),
        pytest.param("llama-3.1-8b", T4, Verdict.NO, id="llama-8b-not-on-a-t4"),
        pytest.param("llama-3.1-8b", A10, Verdict.FITS, id="llama-8b-on-24-gb"),
        pytest.param("deepseek-v3", H100, Verdict.NO, id="deepseek-not-on-one"),
        pytest.param("deepseek-v3", EIGHT_A100, Verdict.NO, id="deepseek-not-on-eight-a100-of-80-gb"),
        pytest.param("deepseek-v3", EIGHT_H100, Verdict.NO, id="deepseek-not-on-eight-h100-of-80-gb"),
        pytest.param("qwen3-30b-a3b", A100, Verdict.FITS, id="qwen3-30b-on-an-a100"),
        pytest.param("qwen3-30b-a3b", A10, Verdict.NO, id="qwen3-30b-not-on-24-gb"),
        pytest.param("phi-4", A10, Verdict.NO, id="phi-4-not-on-24-gb"),
    ],
)
def test_what_is_commonly_known(name: str, size: str, verdict: Verdict) -> None:
    assert on(size, name).verdict is verdict


def test_llama_70b_in_fp8_fits_on_one_gpu_of_80_gb_with_a_short_context() -> None:
    found = on(A100, "llama-3.1-70b", Setting(quantization="fp8"))
    assert found.verdict is Verdict.FITS
    assert found.advised < 32768


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        # `Model loading took … GiB` in logs of vLLM
        pytest.param("llama-3.1-8b", 14.99, id="llama-8b"),  # vllm-project/vllm#17122: 14.9889
        pytest.param("qwen3-30b-a3b", 56.9, id="qwen3-30b"),  # 4 GPUs with 14.2474 each: #17327
        pytest.param("gpt-oss-120b", 65.97, id="gpt-oss-120b"),  # 65.9651, with the padding: #23278
    ],
)
def test_the_weights_are_as_large_as_vllm_says(name: str, gib: float) -> None:
    found = on(A100, name)
    assert found.overhead is not None
    assert (found.weights + found.overhead.padding) / GIB == pytest.approx(gib, rel=0.01)


def test_each_of_four_gpus_has_what_vllm_says() -> None:
    """vllm-project/vllm#17327, Qwen3-30B-A3B on four GPUs: 14.2474 GiB."""
    found = on("Standard_NC96ads_A100_v4", "qwen3-30b-a3b")
    assert found.weights / GIB == pytest.approx(14.2474, rel=0.005)


if __name__ == "__main__":
    ANSWERS.write_text(answers())
