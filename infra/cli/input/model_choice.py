"""Reads `--model` of `gatelift init`: a Hub id, a folder of this machine or a model asset."""

import os
import re
from pathlib import Path

from msgspec import Struct

from infra.errors import GateliftError
from infra.spec.model_source import ModelSpec
from infra.spec.names import RuleBroken, is_registry_model, model_asset, model_id

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
# Their models have no weights in Azure: they come with a container that downloads them.
BRING_CONTAINERS = re.compile(r"azureml://registries/(azure-)?huggingface/", re.IGNORECASE)


class ModelChoice(Struct, frozen=True):
    """A model's source as the spec has it: `id`, `path` or `asset`, with its value, and what people call it."""

    source: str
    value: str
    label: str

    @property
    def brings_container(self) -> bool:
        """Whether it comes with a container of its own, for which the spec says less."""
        return self.source == "id" and is_registry_model(self.value)


def choose_model(text: str, spec_file: Path, *, said: str = "--model") -> ModelChoice:
    """What `text` means in a spec at `spec_file`; raises `GateliftError` for what is none of the three.

    `said` is what the text was given for, in the words of an error.
    """
    source = _source(text, said)
    try:
        value = _path(text, spec_file) if source == "path" else _checked(source, text)
    except RuleBroken as error:
        raise GateliftError(f"{said} {text!r}: {error}", hint=error.hint, code="invalid_model") from None
    return ModelChoice(source, value, _label(source, text))


def _source(text: str, said: str) -> str:
    if text.startswith("azureml:"):
        return "id" if BRING_CONTAINERS.match(text) else "asset"
    if text.startswith((".", "/", "~")) or (text and Path(text).is_dir() and not HUB_ID.fullmatch(text)):
        return "path"
    if HUB_ID.fullmatch(text):
        return "id"
    raise GateliftError(
        f"{said} {text!r} is not a Hugging Face model id, nor a folder that is here",
        hint="an id is organisation/name, a folder begins with ./, ../, / or ~, and an asset of the workspace is "
        "azureml:NAME:VERSION",
        code="invalid_model",
    )


def _checked(source: str, text: str) -> str:
    return model_id(text) if source == "id" else model_asset(text)


def _path(text: str, spec_file: Path) -> str:
    """The folder relative to the spec's, as far as it was given so."""
    from infra.spec.model_folder import files_of_model

    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise RuleBroken("there is no such folder", f"it is looked for from {Path.cwd()}")
    files_of_model(folder)
    if text.startswith(("/", "~")):
        return text
    relative = os.path.relpath(folder, spec_file.parent)
    return relative if relative.startswith("..") else f"./{relative}"


def _label(source: str, text: str) -> str:
    if source == "path":
        return Path(os.path.abspath(Path(text).expanduser())).name
    return ModelSpec(asset=text).label if source == "asset" else text
