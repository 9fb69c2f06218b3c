"""The NVIDIA GPUs that a container of this machine may use, as the driver's own tool tells them."""

import subprocess
from collections.abc import Mapping

from msgspec import Struct

MIB = 1024 * 1024
QUERY = "index,uuid,name,memory.total,memory.free"
TIMEOUT_S = 20.0  # the driver is loaded first where nothing keeps it


class Gpu(Struct, frozen=True):
    """One GPU; memory in bytes."""

    index: str
    uuid: str
    name: str
    total: int
    free: int


def visible_gpus(environ: Mapping[str, str]) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves; none without a driver."""
    command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        found = [_gpu(line) for line in said.stdout.splitlines() if line.strip()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return found
    names = [name.strip() for name in chosen.split(",")]
    return [gpu for gpu in found if any(_is_meant(gpu, name) for name in names)]


def _gpu(line: str) -> Gpu:
    index, uuid, name, total, free = (part.strip() for part in line.split(","))
    return Gpu(index, uuid, name, int(total) * MIB, int(free) * MIB)


def _is_meant(gpu: Gpu, name: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES names this one: by number, or by the beginning of its UUID."""
    return name == gpu.index or (len(name) > len("GPU-") and gpu.uuid.startswith(name))
