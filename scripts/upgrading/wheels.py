"""Wheels of vLLM: fetched, and unpacked as far as they are compared."""

import zipfile
from pathlib import Path

from vllm_rs import MEMBER, download

from upgrading.trees import VllmTree

WANTED = (".py", ".dist-info/METADATA", MEMBER)  # ends of names


def fetched(version: str, folder: Path) -> Path:
    """The CUDA wheel of a version, downloaded unless it is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return next(folder.glob(f"vllm-{version}-*.whl"), None) or download("vllm", version, folder)


def unpacked(wheel: Path, folder: Path) -> VllmTree:
    """The Python files of a wheel, its metadata and its Rust program, unpacked unless they are in the folder."""
    if not folder.is_dir():
        fresh = folder.with_name(f".{folder.name}.unpacking")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(WANTED):
                    archive.extract(name, fresh)
        if (program := fresh / MEMBER).exists():
            program.chmod(0o755)
        fresh.rename(folder)
    return VllmTree(folder)


def metadata(tree: VllmTree) -> Path:
    """The METADATA of an unpacked wheel."""
    return next(tree.root.glob("*.dist-info/METADATA"))
