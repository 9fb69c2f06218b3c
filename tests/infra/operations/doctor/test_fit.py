"""What `doctor` says of the GPUs that the spec's instance type has for its model."""

from pathlib import Path
from typing import Any

import pytest

from infra.operations.doctor.verdicts import Check, Verdict
from tests.infra.model_folders import LLAMA, write_model
from tests.infra.operations.doctor.test_doctor import GOOD, checks

A100, TWO_A100 = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4"


def said(bench: Any, folder: Path, gib: float, config: dict[str, Any] = LLAMA, **deployment: Any) -> Check:
    model = write_model(folder / "model", config, gib=gib)
    spec = bench.spec("fit", model={"id": None, "path": str(model)}, deployment=deployment)
    return checks(bench, folder, spec, None)["fit"]


@pytest.mark.parametrize(
    ("gib", "deployment", "verdict", "detail", "fix"),
    [
        pytest.param(
            *(15, {"instance_type": A100}, Verdict.OK),
            *("15.0 GiB of weights and about 56.2 GiB of cache on Standard_NC24ads_A100_v4: 1 request of 131,072", ""),
            id="fits",
        ),
        pytest.param(
            *(131, {"instance_type": A100}, Verdict.FAIL),
            "does not fit on Standard_NC24ads_A100_v4: 131.0 GiB of weights and 1.6 GiB beside them exceed 72.8 GiB",
            "Standard_NC96ads_A100_v4 with tensor_parallel_size 4 is the smallest that holds it",
            id="weights",
        ),
        pytest.param(
            *(131, {"instance_type": TWO_A100}, Verdict.FAIL),
            "room for 31,632 tokens of one request, 131,072 wanted",
            "set engine.max_model_len to ",
            id="the-models-own-context",
        ),
        pytest.param(
            *(131, {"instance_type": TWO_A100, "engine": {"max_model_len": 8192}}, Verdict.OK),
            *("on each of 2 GPUs of Standard_NC48ads_A100_v4: 3 requests of 8,192 tokens at once", ""),
            id="a-shorter-one",
        ),
        pytest.param(
            *(131, {"instance_type": TWO_A100, "engine": {"max_model_len": "auto"}}, Verdict.OK),
            *("on each of 2 GPUs of Standard_NC48ads_A100_v4: 3 requests of 8,192 tokens at once", ""),
            id="whatever-fits",
        ),
        pytest.param(
            *(15, {"instance_type": A100, "engine": {"max_model_len": 200000}}, Verdict.FAIL),
            *("vLLM serves it with 131,072 tokens at most, 200,000 wanted", "set engine.max_model_len to 131072"),
            id="longer-than-the-model",
        ),
        pytest.param(
            *(66, {"instance_type": A100, "engine": {"max_model_len": 15360}}, Verdict.WARN),
            *("it may not fit on Standard_NC24ads_A100_v4: within the margin of the estimate", "`gatelift size SPEC`"),
            id="tight",
        ),
        pytest.param(
            *(15, {"instance_type": "Standard_DS3_v2"}, Verdict.WARN),
            *("Standard_DS3_v2 is not among the GPU sizes", "`gatelift size SPEC` lists them"),
            id="no-gpus",
        ),
    ],
)
def test_whether_it_fits_is_said_with_numbers_and_the_way_out(
    bench: Any, tmp_path: Path, gib: float, deployment: dict[str, Any], verdict: Verdict, detail: str, fix: str
) -> None:
    found = said(bench, tmp_path, gib, **deployment)
    assert (found.verdict, detail in found.detail, fix in found.fix) == (verdict, True, True), found


def test_an_unknown_architecture_is_a_warning(bench: Any, tmp_path: Path) -> None:
    found = said(bench, tmp_path, 15, {"architectures": ["UnheardOf"]}, instance_type=A100)
    assert (found.verdict, "its cache is not known: UnheardOf" in found.detail) == (Verdict.WARN, True), found


def test_a_model_that_cannot_be_read_is_a_warning(bench: Any, tmp_path: Path) -> None:
    """The seed's weights are no safetensors, which the check of the files says where it is a mistake."""
    found = checks(bench, tmp_path, bench.spec("unheard"), GOOD)["fit"]
    assert (found.verdict, found.detail.startswith("the model is not sized: ")) == (Verdict.WARN, True), found
