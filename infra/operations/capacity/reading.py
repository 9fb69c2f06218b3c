"""Reads what decides about a model's memory: config.json and the headers of its safetensors files, no weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from infra.sizing.architecture.records import Architecture, Weights


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


def read_from_hub(hub: Hub, model: str, revision: str | None, token: str | None) -> ReadModel:
    """Read a model of the Hub by range requests; raises the Hub's errors, and `GateliftError` for what is no model."""
    raise NotImplementedError


def read_from_folder(folder: Path) -> ReadModel:
    """Read a model in a folder."""
    raise NotImplementedError
