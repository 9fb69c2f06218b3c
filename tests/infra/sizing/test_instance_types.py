"""The table of VM sizes with GPUs: one place for what Azure lists, which the emulator's own table must agree with."""

import pytest

from infra.azure.quota import SIZES
from infra.emulator.arm.quota.vm_sizes import SIZES as EMULATED
from infra.sizing.instance_types import INSTANCE_TYPES, RETIRED, instance_type


def test_every_size_is_one_that_the_emulator_offers() -> None:
    offered = {name for name, size in EMULATED.items() if size.gpus}
    assert set(INSTANCE_TYPES) == offered - RETIRED


@pytest.mark.parametrize("name", INSTANCE_TYPES)
def test_the_emulator_counts_a_size_alike(name: str) -> None:
    size, emulated = INSTANCE_TYPES[name], EMULATED[name]
    assert (size.family, size.cores, size.exempt, size.gpus, size.ram, size.temporary_disk) == (
        *(emulated.family, emulated.cores, emulated.exempt, emulated.gpus, emulated.memory, emulated.disk),
    )


def test_quota_is_counted_by_the_same_table() -> None:
    assert {name: (size.family, size.cores, size.exempt) for name, size in SIZES.items()} == {
        name: (size.family, size.cores, size.exempt) for name, size in INSTANCE_TYPES.items()
    }


@pytest.mark.parametrize(
    ("name", "gpu", "gib", "generation"),
    [
        pytest.param("standard_nc4as_t4_v3", "1 x T4", 14, 75, id="t4"),
        pytest.param("Standard_NV6ads_A10_v5", "1 x 1/6 A10", 3, 86, id="a-sixth-of-an-a10"),
        pytest.param("Standard_NV72ads_A10_v5", "2 x A10", 22, 86, id="two-a10"),
        pytest.param("STANDARD_NC96ADS_A100_V4", "4 x A100 80GB", 79, 80, id="any-case"),
        pytest.param("Standard_NC40ads_H100_v5", "1 x H100 94GB", 93, 90, id="h100-nvl-has-more-memory"),
        pytest.param("Standard_ND96isr_H100_v5", "8 x H100 80GB", 79, 90, id="h100"),
        pytest.param("Standard_ND96asr_v4", "8 x A100 40GB", 39, 80, id="a100-of-40"),
    ],
)
def test_what_is_in_a_size(name: str, gpu: str, gib: int, generation: int) -> None:
    size = instance_type(name)
    assert size is not None
    assert (size.gpus_in_words, int(size.gpu.memory_gib), size.gpu.generation) == (gpu, gib, generation)


@pytest.mark.parametrize(
    ("name", "runs", "bfloat16", "fp8"),
    [
        pytest.param("Standard_ND40rs_v2", False, False, False, id="volta-is-too-old-for-cuda-13"),
        pytest.param("Standard_NC4as_T4_v3", True, False, False, id="turing"),
        pytest.param("Standard_NC24ads_A100_v4", True, True, False, id="ampere"),
        pytest.param("Standard_NC40ads_H100_v5", True, True, True, id="hopper"),
    ],
)
def test_what_a_generation_can_do(name: str, runs: bool, bfloat16: bool, fp8: bool) -> None:
    size = instance_type(name)
    assert size is not None
    assert (size.runs, size.gpu.has_bfloat16, size.gpu.has_fp8) == (runs, bfloat16, fp8)


@pytest.mark.parametrize("name", ["Standard_DS3_v2", "Standard_NC6s_v3", "Standard_ND96isr_H200_v5", "none"])
def test_others_are_not_in_the_table(name: str) -> None:
    assert instance_type(name) is None
