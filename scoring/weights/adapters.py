"""The files of fine-tuned adapters (LoRA), wherever they come from, and what their `adapter_config.json` says."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.errors import WeightsMissing
from scoring.settings.adapters import AdapterSettings
from scoring.weights.checking import check_whole

CONFIG = "adapter_config.json"
TENSORS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")


@dataclass(frozen=True)
class Adapter:
    """An adapter ready to load: its name, its folder, and the highest rank of its matrices."""

    name: str
    folder: str
    rank: int


def fetch_adapters(
    settings: Sequence[AdapterSettings], from_hub: Callable[[str, str | None], str], from_blobs: Callable[[str], str]
) -> list[Adapter]:
    """Bring the adapters' files here; `from_hub` takes an id and a revision, `from_blobs` a URL, both give a folder.

    Raises `WeightsMissing` with the adapter's name.
    """
    adapters = []
    for one in settings:
        try:
            folder = one.path or (from_hub(one.model, one.revision) if one.model else from_blobs(one.url))
            adapters.append(read_adapter(one.name, folder))
        except WeightsMissing as error:
            raise WeightsMissing(f"adapter {one.name}: {error}", hint=error.hint) from error
    return adapters


def read_adapter(name: str, folder: str) -> Adapter:
    """Read an adapter's folder; raises `WeightsMissing` where it holds none that vLLM could load."""
    path = Path(folder) / CONFIG
    if not path.is_file():
        kind = "a whole model, not an adapter" if (Path(folder) / "config.json").is_file() else "no adapter"
        raise WeightsMissing(f"{folder} holds {kind}: there is no {CONFIG}", hint="give the folder that PEFT has saved")
    if not any((Path(folder) / tensors).is_file() for tensors in TENSORS):
        raise WeightsMissing(f"{folder} has {CONFIG} and no {TENSORS[0]}", hint="give the folder that PEFT has saved")
    try:
        config = json.loads(path.read_bytes())
        ranks = [config["r"], *(config.get("rank_pattern") or {}).values()]
        kind, rank = config.get("peft_type", "LORA"), max(int(rank) for rank in ranks)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsMissing(f"{path} does not say a rank (r): {error!r}", hint="save the adapter anew") from error
    if kind != "LORA":
        raise WeightsMissing(f"{folder} is a {kind} adapter; vLLM knows LORA", hint="merge it into a model of its own")
    check_whole(Path(folder))
    return Adapter(name, folder, rank)
