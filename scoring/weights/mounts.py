"""On what file system a folder lies, by /proc/mounts, and how vLLM had best read weights from there."""

from dataclasses import dataclass
from pathlib import Path

MOUNTS, MEMORY = Path("/proc/mounts"), Path("/proc/meminfo")
MOST_OF_MEMORY = 0.9  # as vLLM has it for the file systems that it knows
# File systems that answer over a network, and those in user space (blobfuse, s3fs). vLLM knows NFS and Lustre itself.
FAR = ("fuse", "cifs", "smb3", "9p", "ceph", "beegfs", "virtiofs")


@dataclass(frozen=True)
class Mounted:
    """Where a file system is mounted, and its kind as the kernel names it."""

    point: Path
    kind: str


def file_system(folder: Path, mounts: Path = MOUNTS) -> Mounted:
    """Return the file system of a folder; that of `/` where nothing is known."""
    found = Mounted(Path("/"), "")
    wanted = folder.resolve()
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        point, kind = _unescaped(line.split()[1]), line.split()[2]
        if wanted.is_relative_to(point) and len(point.parts) >= len(found.point.parts):
            found = Mounted(point, kind)  # a later mount hides an earlier one
    return found


def load_strategy(folder: Path, mounts: Path = MOUNTS, memory: Path = MEMORY) -> str | None:
    """Return `prefetch` for a folder whose files come from afar page by page, None to leave the choice to vLLM.

    So it is left where memory does not hold the files.
    """
    if not file_system(folder, mounts).kind.startswith(FAR):
        return None
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return "prefetch" if size <= MOST_OF_MEMORY * _available(memory) else None


def _available(memory: Path) -> int:
    """Return the bytes of memory that are free or could be; 0 where nobody says."""
    for line in memory.read_text().splitlines() if memory.is_file() else ():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0


def _unescaped(point: str) -> Path:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, letter)
    return Path(point)
