"""A model or an adapter in a folder of this machine: its files with their hashes, and what its README says."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.azure.cloud import SourceFile
from infra.azure.storage.hashes import hashes
from infra.errors import SpecError
from infra.hub.facts import ModelFacts
from infra.model_files import ADAPTER_CONFIG, tensor_files
from infra.planning.sources.found import Asked, recorded
from infra.resources.weights.version import Weights
from infra.spec.model_folder import Files, files_of_adapter, files_of_model, read_json
from infra.spec.names import RuleBroken

NOT_READ = "model_folder"  # the code of the error for a folder without a model
FENCE = "---"


def model_in_folder(asked: Asked, folder: Path) -> tuple[ModelFacts, Weights]:
    """The facts about a model, and its weights as they will be in the workspace."""
    return _in_folder(asked, "model.path", folder, asked.spec.model.label)


def adapter_in_folder(asked: Asked, folder: Path, name: str) -> tuple[ModelFacts, Weights, str]:
    """The same for an adapter, and the model that it was made for."""
    facts, weights = _in_folder(asked, "model.adapters: path", folder, name)
    base = str(read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path") or "")
    return facts, weights, base


def content_of(files: Sequence[SourceFile]) -> str:
    """The SHA-256, in hex, of the names and hashes of files."""
    listed = "".join(f"{file.name}\0{file.sha256}\0" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def _in_folder(asked: Asked, field: str, folder: Path, label: str) -> tuple[ModelFacts, Weights]:
    choose: Callable[[Path, str], Files] = files_of_model if field == "model.path" else files_of_adapter
    try:
        chosen = choose(folder, asked.spec.load_format())
    except RuleBroken as broken:
        raise SpecError(f"{field}: {broken}", hint=broken.hint, code=NOT_READ) from None
    files = tuple(hashes([SourceFile(name, path.stat().st_size, path=path) for name, path in chosen], asked.cache))
    said = front_matter(folder / "README.md")
    facts = ModelFacts(
        label,
        "",
        license=_text(said.get("license")),
        task=_text(said.get("pipeline_tag")),
        weights=sum(file.size for file in files if tensor_files([file.name])),
    )
    size = sum(file.size for file in files)
    weights = Weights(
        label,
        content_of(files),
        files,
        asked.spec.name,
        size,
        folder=folder,
        facts=recorded(facts),
        local=asked.cloud.local,
    )
    return facts, weights


def front_matter(readme: Path) -> dict[str, Any]:
    """The fields at the top of a model card; none where there is no card, or no such fields."""
    try:
        head, _, rest = readme.read_text(encoding="utf-8-sig").lstrip().partition("\n")
        fields, fence, _ = f"\n{rest}".partition(f"\n{FENCE}")
        found = YAML(typ="safe").load(fields) if head.rstrip() == FENCE and fence else {}
    except (OSError, ValueError, YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
