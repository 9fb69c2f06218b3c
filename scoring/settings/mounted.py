"""The model asset that Azure ML mounts at AZUREML_MODEL_DIR: which folder of it holds the model, and its name."""

from pathlib import Path

from scoring.errors import BadSettings

CONFIGS = ("config.json", "params.json")  # the second is Mistral's own
ADAPTER = "adapter_config.json"
LEVELS = 4  # folders below one another that are looked into
MODELS = "azureml-models"  # the folder that Azure mounts NAME/VERSION in


def mounted_model(folder: str | None) -> Path | None:
    """Return the folder that holds a model's config: AZUREML_MODEL_DIR itself, or the one that lies highest below.

    None where it holds none; raises `BadSettings` where it holds several, or an adapter alone.
    """
    if not folder or not Path(folder).is_dir():
        return None
    root = Path(folder)
    for level in range(LEVELS):
        found = _holding(root, level, CONFIGS)
        if len(found) > 1:
            names = ", ".join(str(one.relative_to(root)) for one in found[:5])
            raise BadSettings(
                f"AZUREML_MODEL_DIR {root} holds {len(found)} models: {names}",
                hint="mount an asset with one of them; adapters are named in SCORING_ADAPTERS",
            )
        if found:
            return found[0]
        if adapters := _holding(root, level, (ADAPTER,)):
            raise BadSettings(
                f"AZUREML_MODEL_DIR holds an adapter, not a model: {adapters[0]}",
                hint="mount or name its base model, and the adapter in SCORING_ADAPTERS (`model.adapters` of the spec)",
            )
    return None


def _holding(root: Path, level: int, names: tuple[str, ...]) -> list[Path]:
    found = {one.parent for name in names for one in root.glob("*/" * level + name)}
    return sorted(one for one in found if not any(part.startswith(".") for part in one.relative_to(root).parts))


def mounted_name(root: str, model_dir: Path) -> str:
    """Return the name of a mounted model: a Hub id if its folder says one, as `org--name`; else the model asset's.

    Azure mounts assets as NAME/VERSION, and their folder below; elsewhere the folder's own name has to do.
    """
    organization, dashes, name = model_dir.name.partition("--")
    if dashes and organization and name:
        return f"{organization}/{name}"
    asset = Path(root)
    versioned = asset.name.isdecimal() or asset.parent.parent.name == MODELS
    return asset.parent.name if versioned and asset.parent.name else model_dir.name
