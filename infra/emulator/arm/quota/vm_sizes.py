"""Instance types of managed online endpoints: cores, memory, family and whether the extra reservation applies.

Source: learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list and the pages of the
sizes.
"""

from dataclasses import dataclass

# name | family | vCPU | GPUs | RAM GiB | temporary disk GiB | exempt from the 20 % reservation
_TABLE = """
Standard_NC4as_T4_v3      | standard NCASv3_T4 Family     |  4 | 1 | 28   | 176   | no
Standard_NC8as_T4_v3      | standard NCASv3_T4 Family     |  8 | 1 | 56   | 352   | no
Standard_NC16as_T4_v3     | standard NCASv3_T4 Family     | 16 | 1 | 110  | 352   | no
Standard_NC64as_T4_v3     | standard NCASv3_T4 Family     | 64 | 4 | 440  | 2816  | no
Standard_NV6ads_A10_v5    | standardNVADSA10v5Family      |  6 | 1 | 55   | 180   | no
Standard_NV12ads_A10_v5   | standardNVADSA10v5Family      | 12 | 1 | 110  | 360   | no
Standard_NV18ads_A10_v5   | standardNVADSA10v5Family      | 18 | 1 | 220  | 720   | no
Standard_NV36ads_A10_v5   | standardNVADSA10v5Family      | 36 | 1 | 440  | 1440  | no
Standard_NV36adms_A10_v5  | standardNVADSA10v5Family      | 36 | 1 | 880  | 2880  | no
Standard_NV72ads_A10_v5   | standardNVADSA10v5Family      | 72 | 2 | 880  | 2880  | no
Standard_NC24ads_A100_v4  | standardNCADSA100v4Family     | 24 | 1 | 220  | 64    | yes
Standard_NC48ads_A100_v4  | standardNCADSA100v4Family     | 48 | 2 | 440  | 128   | yes
Standard_NC96ads_A100_v4  | standardNCADSA100v4Family     | 96 | 4 | 880  | 256   | yes
Standard_NC40ads_H100_v5  | standardNCADSH100v5Family     | 40 | 1 | 320  | 3576  | yes
Standard_NC80adis_H100_v5 | standardNCADSH100v5Family     | 80 | 2 | 640  | 7152  | yes
Standard_ND96asr_v4       | standard NDASv4_A100 Family   | 96 | 8 | 900  | 6000  | yes
Standard_ND96amsr_A100_v4 | standard NDAMSv4_A100Family   | 96 | 8 | 1900 | 6400  | yes
Standard_ND96isr_H100_v5  | standardNDv5H100Family        | 96 | 8 | 1900 | 1024  | yes
Standard_ND96is_H100_v5   | standardNDv5H100Family        | 96 | 8 | 1900 | 1024  | yes
Standard_ND40rs_v2        | standardNDSv2Family           | 40 | 8 | 672  | 2948  | yes
Standard_NC6s_v3          | standardNCSv3Family           |  6 | 1 | 112  | 736   | no
Standard_NC12s_v3         | standardNCSv3Family           | 12 | 2 | 224  | 1474  | no
Standard_NC24s_v3         | standardNCSv3Family           | 24 | 4 | 448  | 2948  | no
Standard_DS1_v2           | standardDSv2Family            |  1 | 0 | 3.5  | 7     | no
Standard_DS2_v2           | standardDSv2Family            |  2 | 0 | 7    | 14    | no
Standard_DS3_v2           | standardDSv2Family            |  4 | 0 | 14   | 28    | no
Standard_DS4_v2           | standardDSv2Family            |  8 | 0 | 28   | 56    | no
Standard_DS5_v2           | standardDSv2Family            | 16 | 0 | 56   | 112   | no
Standard_F2s_v2           | standardFSv2Family            |  2 | 0 | 4    | 16    | no
Standard_F4s_v2           | standardFSv2Family            |  4 | 0 | 8    | 32    | no
Standard_F8s_v2           | standardFSv2Family            |  8 | 0 | 16   | 64    | no
Standard_F16s_v2          | standardFSv2Family            | 16 | 0 | 32   | 128   | no
Standard_F32s_v2          | standardFSv2Family            | 32 | 0 | 64   | 256   | no
Standard_F48s_v2          | standardFSv2Family            | 48 | 0 | 96   | 384   | no
Standard_F64s_v2          | standardFSv2Family            | 64 | 0 | 128  | 512   | no
Standard_F72s_v2          | standardFSv2Family            | 72 | 0 | 144  | 576   | no
Standard_D2as_v4          | standardDASv4Family           |  2 | 0 | 8    | 16    | no
Standard_D4as_v4          | standardDASv4Family           |  4 | 0 | 16   | 32    | no
Standard_D8as_v4          | standardDASv4Family           |  8 | 0 | 32   | 64    | no
Standard_D16as_v4         | standardDASv4Family           | 16 | 0 | 64   | 128   | no
Standard_E2s_v3           | standardESv3Family            |  2 | 0 | 16   | 32    | no
Standard_E4s_v3           | standardESv3Family            |  4 | 0 | 32   | 64    | no
Standard_E8s_v3           | standardESv3Family            |  8 | 0 | 64   | 128   | no
Standard_E16s_v3          | standardESv3Family            | 16 | 0 | 128  | 256   | no
Standard_E32s_v3          | standardESv3Family            | 32 | 0 | 256  | 512   | no
Standard_E48s_v3          | standardESv3Family            | 48 | 0 | 384  | 768   | no
Standard_E64s_v3          | standardESv3Family            | 64 | 0 | 432  | 864   | no
"""


@dataclass(frozen=True)
class VmSize:
    """One instance type; memory and disk in GiB."""

    name: str
    family: str
    cores: int
    gpus: int
    memory: float
    disk: int
    exempt: bool


def _read(table: str) -> dict[str, VmSize]:
    sizes = {}
    for line in table.strip().splitlines():
        name, family, cores, gpus, memory, disk, exempt = (cell.strip() for cell in line.split("|"))
        size = VmSize(name, family, int(cores), int(gpus), float(memory), int(disk), exempt == "yes")
        sizes[name.lower()] = size
    return sizes


SIZES = _read(_TABLE)
FAMILIES = tuple(sorted({size.family for size in SIZES.values()}))


def vm_size(name: str) -> VmSize | None:
    """An instance type by its name, in upper or lower case."""
    return SIZES.get(name.lower())
