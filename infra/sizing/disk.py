"""Whether weights and image fit on the disk of a VM, of which little is known for managed online endpoints."""

from infra.sizing.instance_types import InstanceType

GB = 1_000_000_000
GIB_IN_GB = (1 << 30) / GB
IMAGE_GB = 30
"""What the image takes on the disk: 28.6 GB for vLLM 0.12 (vllm-project/vllm#22377), and every version is larger."""


def surely_too_small(instance: InstanceType, files: int) -> str:
    """Why `files` bytes and the image cannot lie on any disk of the VM; empty where they may."""
    has = round((instance.temporary_disk + instance.nvme) * GIB_IN_GB)
    return f"{_need(files)} exceed its disks of {has} GB" if files / GB + IMAGE_GB > has else ""


def probably_too_small(instance: InstanceType, files: int) -> str:
    """Why they probably do not fit on the disk that Azure ML uses, as far as somebody has seen it; else empty."""
    seen = instance.seen_disk_gb
    if seen is None or files / GB + IMAGE_GB <= seen:
        return ""
    return f"{_need(files)} exceed the {seen} GB of disk that were seen in Azure ML"


def _need(files: int) -> str:
    return f"{files / GB:.0f} GB of files and the image of {IMAGE_GB} GB"
