"""Checks a folder that the spec names as a model or an adapter, without reading its weights."""

import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.errors import GateliftError
from infra.model_files import (
    ADAPTER_CONFIG,
    ADAPTER_TENSORS,
    ANY,
    MODEL_CONFIGS,
    NO_TENSORS,
    adapter_files,
    missing_shards,
    model_files,
    read_json_text,
    tensor_files,
)
from infra.spec.names import RuleBroken
from infra.uploaded_files import files_to_upload

MOST_FILES = 1_500  # of a model version: Azure's limit
POINTER = b"version https://git-lfs.github.com/spec/"
LONGEST_HEADER = 100_000_000  # bytes, as safetensors has it
HEADER = 8  # bytes of a safetensors file that say how long its header is
Files = list[tuple[str, Path]]


def files_of_model(folder: Path, load_format: str = "auto") -> Files:
    """The files that are served, as pairs of name and path on disk; raises `RuleBroken` where there is no model.

    `load_format` is the one of vLLM's arguments.
    """
    found = _found(folder)
    if not set(MODEL_CONFIGS) & set(found):
        if ADAPTER_CONFIG in found:
            raise RuleBroken(
                f"{str(folder)!r} has a LoRA adapter, which needs the model that it was made for",
                f"name that model in `model`, and this folder in `model.adapters`; {_base_of(found[ADAPTER_CONFIG])}",
            )
        raise RuleBroken(
            f"{str(folder)!r} has no config.json", "give the folder that `save_pretrained` or `hf download` has written"
        )
    for name in set(MODEL_CONFIGS) & set(found):
        read_json(found[name])
    return _checked(folder, found, model_files(found, load_format), some=load_format != NO_TENSORS)


def files_of_adapter(folder: Path, load_format: str = "auto") -> Files:
    """The same for a LoRA adapter."""
    found = _found(folder)
    if ADAPTER_CONFIG not in found:
        hint = "give the folder that peft's `save_pretrained` has written"
        raise RuleBroken(f"{str(folder)!r} has no {ADAPTER_CONFIG}", hint)
    if not set(ADAPTER_TENSORS) & set(found):
        raise RuleBroken(
            f"{str(folder)!r} has no weights of an adapter: {' or '.join(ADAPTER_TENSORS[:2])}",
            "give the folder that peft's `save_pretrained` has written",
        )
    return _checked(folder, found, adapter_files(found, load_format))


def read_json(path: Path) -> dict[str, Any]:
    """A file with a JSON object; raises `RuleBroken` for anything else."""
    try:
        content = read_json_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuleBroken(f"{str(path)!r} is not JSON: {error}", "correct the file, or save the model again") from None
    if not isinstance(content, dict):
        raise RuleBroken(f"{str(path)!r} is not a JSON object", "correct the file, or save the model again")
    return content


def _found(folder: Path) -> dict[str, Path]:
    """All files that may leave the machine, by name."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise RuleBroken(f"{str(folder)!r} {what}", "a relative path counts from the spec's own folder")
    # A snapshot in the Hub's cache has links to the blobs beside it.
    snapshots = folder.resolve().parent  # the folder may be a link to a snapshot
    blobs = snapshots.parent / "blobs"
    with _as_broken_rules():
        return dict(files_to_upload(folder, blobs if snapshots.name == "snapshots" and blobs.is_dir() else None))


@contextmanager
def _as_broken_rules() -> Iterator[None]:
    try:
        yield
    except GateliftError as error:
        raise RuleBroken(str(error), error.hint) from None
    except OSError as error:
        raise RuleBroken(
            f"{str(error.filename)!r} cannot be read: {error.strerror}", "correct its permissions"
        ) from None


def _checked(folder: Path, found: dict[str, Path], chosen: list[str], *, some: bool = True) -> Files:
    """The chosen files, if they are whole; `some` says that there must be weights."""
    tensors = tensor_files(chosen)
    if some and not tensors:
        kinds = f"{', '.join(ANY[:-1])} or {ANY[-1]}"
        raise RuleBroken(
            f"{str(folder)!r} has no weights: {kinds}",
            f"put them there; {folder / '.amlignore'} or .gitignore may keep them from being uploaded",
        )
    if missing := missing_shards(tensors) or _unlisted(found, chosen):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise RuleBroken(
            f"{str(folder)!r} lacks {', '.join(missing[:3])}{more}, of which its other files tell",
            "copy or download them again, for example with `hf download`",
        )
    if len(chosen) > MOST_FILES:
        raise RuleBroken(
            f"{str(folder)!r} has {len(chosen)} files, and Azure takes {MOST_FILES} in a model version",
            f"name what is not needed in {folder / '.amlignore'}",
        )
    for name in tensors:
        _check_whole(found[name])
    return [(name, found[name]) for name in chosen]


def _unlisted(found: dict[str, Path], chosen: Collection[str]) -> list[str]:
    """The shards that an index of the chosen weights names and that are not there."""
    missing: dict[str, None] = {}
    for name in chosen:
        if name.endswith(".index.json"):
            shards = read_json(found[name]).get("weight_map")
            listed = {str(shard) for shard in shards.values()} if isinstance(shards, dict) else set()
            endings = {Path(each).suffix for each in tensor_files(chosen)}
            folder = name.rpartition("/")[0]
            names = sorted(f"{folder}/{each}" if folder else each for each in listed if Path(each).suffix in endings)
            missing |= dict.fromkeys(each for each in names if each not in found)
    return list(missing)


def _check_whole(path: Path) -> None:
    """Raise `RuleBroken` for a pointer of git-lfs in place of weights, and for weights whose end is missing."""
    size = path.stat().st_size
    if not size:
        raise RuleBroken(f"{str(path)!r} is empty", "copy or download it again")
    with _as_broken_rules(), path.open("rb") as file:
        head = file.read(HEADER)
        if size < 1_000 and (head + file.read(64)).startswith(POINTER):
            raise RuleBroken(
                f"{str(path)!r} is a pointer of git-lfs, not the weights", "`git lfs pull` in that folder fetches them"
            )
        if path.suffix != ".safetensors" or len(head) < HEADER:
            return
        length = int(struct.unpack("<Q", head)[0])
        file.seek(HEADER)
        whole = _whole_size(length, lambda: file.read(length)) if length < LONGEST_HEADER else 0
    if size < whole:
        raise RuleBroken(
            f"{str(path)!r} is cut off: {size:,} of {whole:,} bytes are there", "copy or download it again"
        )


def _whole_size(length: int, read: Callable[[], bytes]) -> int:
    """The bytes that a safetensors file has by its header; 0 where that is not one."""
    text = read()
    if len(text) < length:
        return HEADER + length
    try:
        header = read_json_text(text)
        ends = [int(one["data_offsets"][1]) for name, one in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return 0
    return HEADER + length + max(ends, default=0)


def _base_of(config: Path) -> str:
    base = read_json(config).get("base_model_name_or_path")
    return f"it says: {base}" if base else f"{ADAPTER_CONFIG} may say which"
