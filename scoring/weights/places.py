"""Where a model comes from, told by its name alone: the Hub, a folder, or what vLLM resolves by itself."""

from dataclasses import dataclass
from pathlib import Path

from scoring.weights.adapters import Adapter

# Where vLLM reads by itself: object stores. It reads no GGUF any more (0.32 has no loader for it).
PASSED_THROUGH = ("s3://", "gs://", "az://", "runai://")


@dataclass(frozen=True)
class Weights:
    """A model ready to load: `location` for vLLM, the name it has on the Hub or on disk, and its adapters."""

    location: str
    name: str
    adapters: tuple[Adapter, ...] = ()


def is_hub_id(model: str) -> bool:
    """Tell `org/name` on the Hub from a local path and from what vLLM resolves itself."""
    return not (Path(model).exists() or model.startswith(("/", "./", "../", "~")) or is_passed_through(model))


def is_passed_through(model: str) -> bool:
    """Tell what vLLM resolves itself."""
    return model.startswith(PASSED_THROUGH) or (":" in model and not Path(model).exists())
