"""Reads what decides about a model's memory: config.json and the headers of its safetensors files, no weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from infra.errors import GateliftError
from infra.hub.access import Hub
from infra.hub.contents import look_at_model
from infra.hub.facts import ModelFacts
from infra.model_files import model_files, read_json_text, tensor_files
from infra.parallel import together
from infra.sizing.architecture.config import read_architecture
from infra.sizing.architecture.records import Architecture, Weights
from infra.sizing.architecture.weights import weights_of, weights_of_size

FIRST = 100_000  # bytes that are asked for first: most headers are shorter
LENGTH = 8  # bytes of the number at the start of a file that says how long its header is
LARGEST = 100_000_000  # bytes of a header, as the format has it
CONFIG, INDEX = "config.json", "pytorch_model.bin.index.json"
AT_ONCE = 16  # headers
TOKENIZER = "tokenizer_config.json"
KINDS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
SENTENCES = tuple(f"sentence_{kind}_config.json" for kind in KINDS)  # of which vLLM takes the first
Range = Callable[[str, int, int], bytes]
Read = Callable[[str], bytes]


class ReadModel(Struct, frozen=True):
    """A model as far as its memory goes."""

    config: Mapping[str, Any]
    architecture: Architecture
    weights: Weights | None
    """None where neither headers nor sizes of files are known."""
    facts: ModelFacts | None
    """What the Hub says; None for a folder."""
    disk: int | None
    """Bytes of all files that are served."""
    notes: tuple[str, ...] = ()
    """What could not be read, and what was taken instead."""


class _Files(Struct, frozen=True):
    """Where files are read from: their sizes, whole small files, and ranges of large ones."""

    sizes: Mapping[str, int | None]
    read: Read
    part: Range


def read_from_hub(hub: Hub, model: str, revision: str | None, token: str | None) -> ReadModel:
    """Read a model of the Hub by range requests; raises the Hub's errors, and `GateliftError` for what is no model."""
    facts = hub.model(model, revision, token)
    token = token if facts.needs_token else None

    def part(name: str, first: int, count: int) -> bytes:
        return hub.read_range(facts, name, (first, count), token)

    files = _Files({one.name: one.size for one in facts.files}, lambda name: hub.read_file(facts, name, token), part)
    return structs.replace(_read(facts.id, files), facts=facts)


def read_from_folder(folder: Path) -> ReadModel:
    """Read a model in a folder; raises `GateliftError` for what is no model."""

    def part(name: str, first: int, count: int) -> bytes:
        with (folder / name).open("rb") as file:
            file.seek(first)
            return file.read(count)

    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return _read(str(folder), _Files(sizes, lambda name: (folder / name).read_bytes(), part))


def header_of(name: str, part: Range) -> dict[str, Any]:
    """The header of a safetensors file, in one request or two; raises `GateliftError` for what is none."""
    start = part(name, 0, FIRST)
    length = int.from_bytes(start[:LENGTH], "little")
    if len(start) < LENGTH or not 0 < length <= LARGEST:
        raise _no_safetensors(name)
    content = start[LENGTH : LENGTH + length]
    if len(content) < length:
        content += part(name, len(start), length - len(content))
    try:
        found = read_json_text(content)
    except ValueError:
        raise _no_safetensors(name) from None
    if not isinstance(found, dict):
        raise _no_safetensors(name)
    return found


def _read(label: str, files: _Files) -> ReadModel:
    contents = look_at_model(files.sizes)
    if contents.fault:
        raise GateliftError(f"{label} cannot be sized: {contents.fault}", hint=contents.fix, code="model_files")
    served = model_files(files.sizes)
    config = _object(label, files.read(CONFIG), CONFIG) if CONFIG in files.sizes else {}
    architecture = read_architecture(config)
    if longest := _stated_elsewhere(files, config, architecture):
        architecture = structs.replace(architecture, longest=longest, most=longest)
    weights, notes = _weights(files, served, architecture)
    sizes = [files.sizes[name] for name in served]
    disk = None if None in sizes else sum(size or 0 for size in sizes)
    return ReadModel(config, architecture, weights, None, disk, notes)


def _weights(files: _Files, served: list[str], architecture: Architecture) -> tuple[Weights | None, tuple[str, ...]]:
    tensors = tensor_files(served)
    if all(name.endswith(".safetensors") for name in tensors):
        heads = _heads(files, tensors)
        try:
            weights = weights_of(heads, architecture)
        except (KeyError, TypeError, ValueError, AttributeError):  # entries that are no tensors'
            raise _no_safetensors(tensors[0]) from None
        if not weights.bytes:
            hint = "choose another revision, or tell its authors"
            raise GateliftError(f"{tensors[0]} has no tensors", hint=hint, code="model_files")
        return weights, ()
    total = _total(files) if INDEX in served else None
    if total:
        return weights_of_size(total, architecture), (
            f"its weights are as large as {INDEX} says, not as their tensors",
        )
    known = [size for name in tensors if (size := files.sizes[name]) is not None]
    if len(known) < len(tensors):
        return None, ("how large its files are is not known",)
    ending = tensors[0].rpartition(".")[2]
    note = f"its weights are .{ending} files, so that their sizes count and not their tensors"
    return weights_of_size(sum(known), architecture), (note,)


def _heads(files: _Files, names: list[str]) -> list[dict[str, Any]]:
    heads: list[dict[str, Any]] = []
    for first in range(0, len(names), AT_ONCE):
        heads += together([partial(header_of, name, files.part) for name in names[first : first + AT_ONCE]])
    return heads


def _total(files: _Files) -> int | None:
    """The bytes of all tensors, by the index of the shards."""
    metadata = _object(INDEX, files.read(INDEX), INDEX).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    return int(total) if isinstance(total, int | float) and math.isfinite(total) and total > 0 else None


def _stated_elsewhere(files: _Files, config: Mapping[str, Any], architecture: Architecture) -> int | None:
    """The longest sequence by the files beside config.json, in vLLM's order; None where it is config.json's own.

    A tokenizer counts only for an encoder with a table of positions (`ModelConfig.get_and_verify_max_len`).
    """
    for name in SENTENCES:
        if stated := _length(files, name, "max_seq_length"):
            return stated
    absolute = architecture.encoder_only and config.get("position_embedding_type") == "absolute"
    stated = _length(files, TOKENIZER, "model_max_length") if absolute else None
    return min(stated, architecture.longest or stated) if stated else None


def _length(files: _Files, name: str, field: str) -> int | None:
    """A number of tokens in a file that need not be there; None where it says none."""
    if name not in files.sizes:
        return None
    try:
        found = read_json_text(files.read(name))
    except ValueError:
        return None
    stated = found.get(field) if isinstance(found, dict) else None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 1 <= stated < math.inf:
        return None
    return int(stated)


def _object(label: str, content: bytes, name: str) -> dict[str, Any]:
    try:
        found = read_json_text(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise GateliftError(
            f"{label}: its {name} is no JSON object", hint="choose another revision", code="model_files"
        )
    return found


def _no_safetensors(name: str) -> GateliftError:
    hint = "its upload may have been cut short: choose another revision, or tell its authors"
    return GateliftError(f"{name} does not begin as a safetensors file does", hint=hint, code="model_files")
