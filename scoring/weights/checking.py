"""Whether a model's files are whole: those that an index or a manifest names are there, none is cut off.

Reads the indexes and the heads of the tensors' files, never the tensors: quick on mounted folders, too.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scoring.errors import WeightsMissing

MANIFEST = "gatelift-model.json"  # lies beside the files that gatelift has uploaded
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
AGAIN = "upload or download it again"
LONGEST_HEAD = 100_000_000  # bytes, as safetensors itself has it


def check_whole(folder: Path) -> None:
    """Raise `WeightsMissing` with the first file that is not there or not whole."""
    for fault, hint in (*_manifest_faults(folder), *_index_faults(folder), *_tensor_faults(folder)):
        raise WeightsMissing(fault, hint=hint)


def indexed_files(folder: Path) -> list[str]:
    """Return the shards that the folder's own index names; none where it has no index."""
    for name in INDEXES:
        if (folder / name).is_file():
            return sorted(set(_read(folder / name).get("weight_map", {}).values()))
    return []


def _manifest_faults(folder: Path) -> Iterator[tuple[str, str]]:
    manifest = next((one / MANIFEST for one in (folder, folder.parent) if (one / MANIFEST).is_file()), None)
    if manifest is None:
        return
    for name, said in _read(manifest).get("files", {}).items():
        file, size = manifest.parent / name, said["size"]
        if not file.is_file():
            yield f"{name} is missing in {manifest.parent}: {MANIFEST} names it with {size:,} bytes", AGAIN
        elif (here := file.stat().st_size) != size:
            yield f"{file} has {here:,} bytes, and {size:,} by {MANIFEST}", AGAIN


def _index_faults(folder: Path) -> Iterator[tuple[str, str]]:
    shards = indexed_files(folder)
    missing = [name for name in shards if not (folder / name).is_file()]
    # Both formats may be described where one of them is there.
    if missing and (len(missing) < len(shards) or not any(folder.glob("*.safetensors"))):
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield f"{missing[0]}{others} of {len(shards)} shards missing in {folder}: its index names them", AGAIN


def _tensor_faults(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        try:
            expected = expected_size(file)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            yield f"{file} ({size:,} bytes) is not a file of safetensors: {error}", _pointer_hint(file, size)
            continue
        if expected != size:
            yield f"{file} has {size:,} bytes, and {expected:,} by its own head: it is cut off or damaged", AGAIN


def read_head(file: Path) -> tuple[int, dict[str, Any]]:
    """Return where the tensors of a file of safetensors begin, and what its head says of each by name.

    Raises ValueError, KeyError, TypeError, AttributeError or struct.error for no head.
    """
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > LONGEST_HEAD:
            raise ValueError("its head is too long")
        head = json.loads(opened.read(length))
    return 8 + int(length), {name: tensor for name, tensor in head.items() if name != "__metadata__"}


def expected_size(file: Path) -> int:
    """Return the bytes that a file of safetensors has by its own head; raises as `read_head` does."""
    begin, tensors = read_head(file)
    return begin + int(max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0))


def _pointer_hint(file: Path, size: int) -> str:
    if size < 1024 and file.read_bytes().startswith(b"version https://git-lfs"):
        return "it is a pointer of git LFS: fetch the files themselves, e.g. by `git lfs pull`"
    return AGAIN


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise WeightsMissing(f"{path} cannot be read: {error}", hint=AGAIN) from error
    return document if isinstance(document, dict) else {}
