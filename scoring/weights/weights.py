"""A model's files and those of its adapters, brought to where vLLM reads them; every refusal is one clear message."""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

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

Result = TypeVar("Result")

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
    of_hub = is_hub_id(wanted.model) or any(one.model for one in wanted.adapters)
    hub = Hub(hub_url, hub_token(wanted.environ), cache, seconds) if of_hub else None

    def from_hub(model: str, revision: str | None, choose: Choose) -> str:
        return str(hub.fetch(model, revision, choose)) if hub else ""

    def model() -> str:
        if not is_hub_id(wanted.model):
            return str(checked_folder(wanted.model, wanted.load_format))
        return from_hub(wanted.model, wanted.revision, model_of(wanted.model, wanted.load_format))

    def adapters() -> list[Adapter]:
        blobs = BlobFolders(wanted.environ, cache)
        return fetch_adapters(wanted.adapters, lambda one, at: from_hub(one, at, adapter_of(one)), blobs.fetch)

    # Side by side: an adapter that cannot be had is told while a large model is still on its way.
    location, found = beside(model), beside(adapters)
    for one in as_completed((location, found)):
        one.result()
    check_fits(found.result(), Path(location.result()))
    return Weights(location.result(), wanted.model, tuple(found.result()))


def beside(work: Callable[[], Result]) -> "Future[Result]":
    """Do work in a thread that does not keep the process from ending."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # handed over to whoever asks for the result, whatever it is
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="weights").start()
    return future


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
