"""Whether a model's files are whole: those that an index or a manifest names are there, none is cut off.

Reads the indexes and the heads of the tensors' files, never the tensors: quick on mounted folders, too.
"""

import json
import struct
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from scoring.errors import WeightsMissing
from scoring.weights.formats import LEFT_BEHIND

MANIFEST = "gatelift-model.json"  # lies beside the files that gatelift has uploaded
# What each index names, the format that is loaded where both are there first.
INDEXES = {"model.safetensors.index.json": "*.safetensors", "pytorch_model.bin.index.json": "*.bin"}
AGAIN = "upload or download it again"
POINTER = "it is a pointer of git LFS: fetch the files themselves, e.g. by `git lfs pull`"
MOST_OF_A_POINTER = 1024  # bytes
PLAIN = (".json", ".model", ".tiktoken")
LONGEST_HEAD = 100_000_000  # bytes, as safetensors itself has it


def check_whole(folder: Path) -> None:
    """Raise `WeightsMissing` with the first file that is not there or not whole."""
    for fault, hint in chain(
        _manifest_faults(folder), _index_faults(folder), _tensor_faults(folder), _pointer_faults(folder)
    ):
        raise WeightsMissing(fault, hint=hint)


def named_shards(index: Path) -> list[str]:
    """Return the files that an index names; raises `WeightsMissing` for one that is none."""
    named = _read(index).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(file, str) for file in named.values()):
        raise WeightsMissing(f"{index} is no index of weights: its weight_map names no files", hint=AGAIN)
    return sorted(set(named.values()))


def _manifest_faults(folder: Path) -> Iterator[tuple[str, str]]:
    manifest = next((one / MANIFEST for one in (folder, folder.parent) if (one / MANIFEST).is_file()), None)
    if manifest is None:
        return
    try:
        sizes = {str(name): int(said["size"]) for name, said in _read(manifest).get("files", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        yield f"{manifest} is damaged: it does not say which files there are", AGAIN
        return
    for name, size in sizes.items():
        file = manifest.parent / name
        if not file.is_file():
            yield f"{name} is missing in {manifest.parent}: {MANIFEST} names it with {size:,} bytes", AGAIN
        elif (here := file.stat().st_size) != size:
            yield f"{file} has {here:,} bytes, and {size:,} by {MANIFEST}", AGAIN


def _index_faults(folder: Path) -> Iterator[tuple[str, str]]:
    index = _index_of(folder)
    shards = named_shards(index) if index else []
    missing = [name for name in shards if not (folder / name).is_file()]
    # Both formats may be described where one of them is there.
    if missing and (len(missing) < len(shards) or not any(folder.glob("*.safetensors"))):
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield f"{missing[0]}{others} of {len(shards)} shards missing in {folder}: its index names them", AGAIN


def _index_of(folder: Path) -> Path | None:
    """Return the index of the weights that are loaded, which vLLM looks for among safetensors first."""
    for index, pattern in INDEXES.items():
        if any(not LEFT_BEHIND.search(file.name) for file in folder.glob(pattern)):
            return folder / index if (folder / index).is_file() else None
    return next((folder / index for index in INDEXES if (folder / index).is_file()), None)


def _tensor_faults(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        try:
            expected = expected_size(file)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
            hint = POINTER if _is_pointer(file, size) else AGAIN
            yield f"{file} ({size:,} bytes) is not a file of safetensors: {error}", hint
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


def _pointer_faults(folder: Path) -> Iterator[tuple[str, str]]:
    """Look for files that are not there themselves; weights of another format than the loaded one may be away."""
    read = PLAIN if any(folder.glob("*.safetensors")) else (*PLAIN, ".bin", ".pt")
    for file in sorted(folder.iterdir()):
        if file.suffix in read and file.is_file() and not LEFT_BEHIND.search(file.name):
            size = file.stat().st_size
            if size == 0 and file.suffix not in PLAIN:
                yield f"{file} is empty", AGAIN
            elif _is_pointer(file, size):
                yield f"{file} ({size:,} bytes) is not the file itself", POINTER


def _is_pointer(file: Path, size: int) -> bool:
    return size < MOST_OF_A_POINTER and file.read_bytes().startswith(b"version https://git-lfs")


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise WeightsMissing(f"{path} cannot be read: {error}", hint=AGAIN) from error
    return document if isinstance(document, dict) else {}
