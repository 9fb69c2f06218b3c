"""The VM sizes with GPUs that managed online endpoints offer: what is in them, and how Azure counts them.

Sources: the list of sizes of managed online endpoints (MicrosoftDocs/azure-ai-docs,
reference-managed-online-endpoints-vm-sku-list, of 18 October 2023 with the changes of 2025) for name, family, cores and
reserve; the pages of the sizes (MicrosoftDocs/azure-compute-docs, sizes/gpu-accelerated, of September 2025) for memory
and disks. Looked up in December 2026. What the list still has and Azure has retired (NCv2, NCv3) is left out, and so is
what it does not have (H200, MI300X).
"""

from typing import Literal

from msgspec import Struct

from infra.sizing.gpus import A10, A100_40, A100_PCIE, A100_SXM, H100_NVL, H100_SXM, T4, V100, Gpu, part_of

LOWEST_CAPABILITY = 75
"""Compute capability that vLLM's image needs: CUDA 13, with which it is built, has nothing for Volta (7.0)."""
Driver = Literal["datacenter", "grid"]
RETIRED = frozenset(f"standard_nc{cores}s_v{version}" for cores in (6, 12, 24) for version in (2, 3))
"""What the list of managed online endpoints still has although Azure has retired it (NCv3 on 30 September 2025)."""


class InstanceType(Struct, frozen=True):
    """A VM size with GPUs; memory and disks in GiB."""

    name: str
    family: str
    """Its quota family, with Azure's own spaces."""
    cores: int
    exempt: bool
    """From the reserve of a fifth more instances that Azure adds to what is asked for."""
    gpus: int
    gpu: Gpu
    ram: int
    temporary_disk: int
    nvme: int = 0
    """Further local disks, of which nobody knows whether managed online endpoints use them."""
    nvlink: bool = False
    """Whether every GPU reaches every other by NVLink; where not, they exchange data over PCIe."""
    driver: Driver = "datacenter"
    """The family of NVIDIA's driver: `grid` for parts of GPUs, whose CUDA may be older than the image's."""
    seen_disk_gb: int | None = None
    """The disk, in GB, that somebody has seen in Azure ML; None where nobody has."""

    @property
    def gpus_in_words(self) -> str:
        """How many of which GPU."""
        return f"{self.gpus} x {self.gpu.name}"

    @property
    def runs(self) -> bool:
        """Whether vLLM's image runs on its GPUs at all."""
        return self.gpu.generation >= LOWEST_CAPABILITY


_T4, _A10 = "standard NCASv3_T4 Family", "standardNVADSA10v5Family"
_A100, _H100, _NDH100 = "standardNCADSA100v4Family", "standardNCADSH100v5Family", "standardNDv5H100Family"
_NDA100_40, _NDA100_80, _V100 = "standard NDASv4_A100 Family", "standard NDAMSv4_A100Family", "standardNDSv2Family"
_ALL = (
    #            name                       family  cores  exempt  GPUs  GPU     RAM  temporary disk
    InstanceType("Standard_NC4as_T4_v3", _T4, 4, False, 1, T4, 28, 176),
    InstanceType("Standard_NC8as_T4_v3", _T4, 8, False, 1, T4, 56, 352),
    InstanceType("Standard_NC16as_T4_v3", _T4, 16, False, 1, T4, 110, 352),
    InstanceType("Standard_NC64as_T4_v3", _T4, 64, False, 4, T4, 440, 2816),
    InstanceType("Standard_NV6ads_A10_v5", _A10, 6, False, 1, part_of(A10, 6), 55, 180, driver="grid"),
    InstanceType("Standard_NV12ads_A10_v5", _A10, 12, False, 1, part_of(A10, 3), 110, 360, driver="grid"),
    InstanceType("Standard_NV18ads_A10_v5", _A10, 18, False, 1, part_of(A10, 2), 220, 720, driver="grid"),
    InstanceType("Standard_NV36ads_A10_v5", _A10, 36, False, 1, A10, 440, 1440, driver="grid"),
    InstanceType("Standard_NV36adms_A10_v5", _A10, 36, False, 1, A10, 880, 2880, driver="grid"),
    InstanceType("Standard_NV72ads_A10_v5", _A10, 72, False, 2, A10, 880, 2880, driver="grid"),
    InstanceType("Standard_NC24ads_A100_v4", _A100, 24, True, 1, A100_PCIE, 220, 64, 960),
    InstanceType("Standard_NC48ads_A100_v4", _A100, 48, True, 2, A100_PCIE, 440, 128, 2 * 960),
    InstanceType("Standard_NC96ads_A100_v4", _A100, 96, True, 4, A100_PCIE, 880, 256, 4 * 960),
    # Its disk: Azure/azureml-examples#3749, of a compute cluster; the size's own page says 3576 GiB.
    InstanceType("Standard_NC40ads_H100_v5", _H100, 40, True, 1, H100_NVL, 320, 3576, seen_disk_gb=128),
    InstanceType("Standard_NC80adis_H100_v5", _H100, 80, True, 2, H100_NVL, 640, 7152),
    InstanceType("Standard_ND96asr_v4", _NDA100_40, 96, True, 8, A100_40, 900, 6000, nvlink=True),
    InstanceType("Standard_ND96amsr_A100_v4", _NDA100_80, 96, True, 8, A100_SXM, 1900, 6400, nvlink=True),
    InstanceType("Standard_ND96isr_H100_v5", _NDH100, 96, True, 8, H100_SXM, 1900, 1024, 28 * 1024, nvlink=True),
    InstanceType("Standard_ND96is_H100_v5", _NDH100, 96, True, 8, H100_SXM, 1900, 1024, 28 * 1024, nvlink=True),
    InstanceType("Standard_ND40rs_v2", _V100, 40, True, 8, V100, 672, 2948, nvlink=True),
)
INSTANCE_TYPES: dict[str, InstanceType] = {each.name.lower(): each for each in _ALL}
"""By the name in lower case, as Azure tells them apart."""


def instance_type(name: str) -> InstanceType | None:
    """A size by its name, in upper or lower case; None for one without GPUs, and for one that is not in the list."""
    return INSTANCE_TYPES.get(name.lower())
