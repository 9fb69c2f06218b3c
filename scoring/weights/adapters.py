"""The files of fine-tuned adapters (LoRA), wherever they come from, and what their `adapter_config.json` says."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.errors import WeightsMissing
from scoring.settings.adapters import AdapterSettings
from scoring.weights.checking import check_whole, read_head

CONFIG = "adapter_config.json"
FLOATS, MATRIX = ("F64", "F32", "F16", "BF16"), 2
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


def check_fits(adapters: Sequence[Adapter], model: Path) -> None:
    """Raise `WeightsMissing` for an adapter whose matrices take more or fewer numbers than the model's own.

    vLLM passes over the matrices of modules that the model has by another name, and would serve the model itself.
    """
    files = {one: Path(one.folder) / TENSORS[0] for one in adapters}
    shapes = _shapes(model) if any(file.is_file() for file in files.values()) else {}
    for adapter, file in files.items():
        if shapes and file.is_file():
            _check_one(adapter, file, model, shapes)


def _check_one(adapter: Adapter, file: Path, model: Path, shapes: dict[str, list[list[int]]]) -> None:
    for name, tensor in read_head(file)[1].items():
        module, matched, _ = name.partition(".lora_A")
        known = shapes.get(_last_names(module), []) if matched else []
        if (
            known and tensor["shape"] and not any(tensor["shape"][-1] in shape for shape in known)
        ):  # some libraries turn them round
            raise WeightsMissing(
                f"adapter {adapter.name} was trained for another model: its {module.rpartition('.')[2]} takes"
                f" {tensor['shape'][-1]} numbers, and that of {model} is {' x '.join(map(str, known[0]))}",
                hint="name the model that `base_model_name_or_path` in its adapter_config.json says",
            )


def _shapes(model: Path) -> dict[str, list[list[int]]]:
    """Return the shapes of a model's matrices by their layer and name; those that are packed are left out."""
    shapes: dict[str, list[list[int]]] = {}
    for file in model.glob("*.safetensors"):
        for name, tensor in read_head(file)[1].items():
            if name.endswith(".weight") and tensor["dtype"] in FLOATS and len(tensor["shape"]) == MATRIX:
                shapes.setdefault(_last_names(name.removesuffix(".weight")), []).append(tensor["shape"])
    return shapes


def _last_names(module: str) -> str:
    return ".".join(module.split(".")[-3:])  # 0.self_attn.q_proj: what comes before differs between libraries


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
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise WeightsMissing(f"{path} does not say a rank (r): {error!r}", hint="save the adapter anew") from error
    if kind != "LORA":
        raise WeightsMissing(f"{folder} is a {kind} adapter; vLLM knows LORA", hint="merge it into a model of its own")
    check_whole(Path(folder))
    return Adapter(name, folder, rank)
