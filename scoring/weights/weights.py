"""A model's files and those of its adapters, brought to where vLLM reads them; every refusal is one clear message."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scoring.errors import WeightsMissing
from scoring.settings.adapters import AdapterSettings
from scoring.weights.adapters import CONFIG, Adapter, check_fits, fetch_adapters
from scoring.weights.blobs import BlobFolders
from scoring.weights.checking import check_whole
from scoring.weights.disk import said_size, size_below
from scoring.weights.formats import FORMATS, chosen_adapter_files, chosen_files, is_tensor
from scoring.weights.hub import Choose, Hub
from scoring.weights.hub_token import hub_token
from scoring.weights.places import Weights, is_hub_id, is_passed_through
from scoring.weights.refusals import no_weights

logger = logging.getLogger("scoring")

WITH_WEIGHTS = ("auto", "hf", "mistral", *FORMATS)  # the `load_format`s whose files are known here


@dataclass(frozen=True)
class Wanted:
    """What is to be fetched; `load_format` is vLLM's, with `dummy` no tensors are needed."""

    model: str
    revision: str | None = None
    load_format: str = "auto"
    adapters: Sequence[AdapterSettings] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def fetch_weights(wanted: Wanted, hub_url: str, seconds: float = 900.0, cache: Path | None = None) -> Weights:
    """Return a model's files, downloaded where it is a Hub id, with its adapters; raises `WeightsMissing`.

    `seconds` is how long the Hub may go on failing.
    """
    hub: Hub | None = None

    def from_hub(model: str, revision: str | None, load_format: str = "", adapter: bool = True) -> str:
        nonlocal hub
        hub = hub or Hub(hub_url, hub_token(wanted.environ), cache, seconds)
        choose = adapter_of(model) if adapter else model_of(model, load_format)
        return str(hub.fetch(model, revision, choose))

    adapters: list[Adapter] = []
    if is_hub_id(wanted.model):
        location = from_hub(wanted.model, wanted.revision, wanted.load_format, adapter=False)
    else:
        location = str(checked_folder(wanted.model, wanted.load_format))
    if wanted.adapters:
        adapters = fetch_adapters(wanted.adapters, from_hub, BlobFolders(wanted.environ, cache).fetch)
    check_fits(adapters, Path(location))
    return Weights(location, wanted.model, tuple(adapters))


def model_of(model: str, load_format: str) -> Choose:
    """Return what chooses the files of a model, and raises `WeightsMissing` for a repository that holds none."""

    def choose(names: Sequence[str]) -> list[str]:
        chosen = chosen_files(names, load_format)
        described = {"config.json", "params.json"} & set(chosen)
        if not described or (load_format != "dummy" and not any(map(is_tensor, chosen))):
            raise no_weights(model, names)
        return chosen

    return choose


def adapter_of(model: str) -> Choose:
    """Return what chooses the files of an adapter, and raises `WeightsMissing` for a repository that holds none."""

    def choose(names: Sequence[str]) -> list[str]:
        chosen = chosen_adapter_files(names)
        if CONFIG not in chosen or not any(map(is_tensor, chosen)):
            raise WeightsMissing(
                f"{model} holds no adapter: it has no {CONFIG} beside tensors", hint="name what PEFT has saved"
            )
        return chosen

    return choose


def checked_folder(model: str, load_format: str = "auto") -> str | Path:
    """Return a folder that holds a whole model, or what vLLM resolves itself; raises `WeightsMissing`."""
    if is_passed_through(model):
        return model
    folder = Path(model).expanduser()
    if folder.is_file():
        return folder
    if not (folder / "config.json").is_file() and not (folder / "params.json").is_file():
        raise _no_model(folder)
    if load_format != "dummy":
        check_whole(folder)
        names = [one.name for one in folder.iterdir()]
        if load_format in WITH_WEIGHTS and not any(map(is_tensor, names)):
            raise no_weights(str(folder), names)
    logger.info("[weights] %s: %s", folder, said_size(size_below(folder)))
    return folder


def _no_model(folder: Path) -> WeightsMissing:
    if (folder / "adapter_config.json").is_file():
        return WeightsMissing(
            f"{folder} holds an adapter, not a model", hint="name its base model, and it in `adapters`"
        )
    return WeightsMissing(
        f"{folder} holds no model: there is no config.json", hint="give the folder that config.json lies in"
    )
