"""Models and adapters of the Hugging Face Hub: asked without a token first, continued after what passes, kept."""

import errno
import glob
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RevisionNotFoundError
from huggingface_hub.hf_api import ModelInfo

from scoring.errors import WeightsMissing
from scoring.weights.cache import CachedRepo
from scoring.weights.checking import INDEXES, check_whole, named_shards
from scoring.weights.disk import check_room, free_bytes, said_size
from scoring.weights.formats import is_tensor
from scoring.weights.hub_client import prepare_client
from scoring.weights.patience import UNREACHED, Patience, refusal_of
from scoring.weights.refusals import cannot_download, explain_refusal

logger = logging.getLogger("scoring")

Result = TypeVar("Result")
Choose = Callable[[Sequence[str]], list[str]]  # of the names of a repository's files, those to be fetched
SHORT_SECONDS = 30.0  # that a Hub may go on failing where all files are here already
ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?")
ASK_WITH_TOKEN = (401, 403, 404)  # answers to a stranger that a token may change


@dataclass
class Hub:
    """A Hub at an address; `seconds` is how long it may go on failing before a start ends."""

    url: str
    token: str | None = field(default=None, repr=False)
    cache: Path | None = None
    seconds: float = 900.0

    def __post_init__(self) -> None:
        if not ADDRESS.fullmatch(self.url):
            raise WeightsMissing(
                f"HF_ENDPOINT is {self.url!r}, which is no address of a Hub", hint="write https://HOST, or leave it out"
            )
        prepare_client()

    def fetch(self, model: str, revision: str | None, choose: Choose) -> Path:
        """Return the folder of a repository's files, downloaded unless they are here; raises `WeightsMissing`."""
        kept = CachedRepo(self.cache or Path(constants.HF_HUB_CACHE), model)
        whole = kept.whole(revision, choose)
        if whole is not None and revision == whole.name:
            logger.info("[weights] %s at %s is here already: %s", model, revision, whole)
            return whole
        try:
            # What is here is not waited for long.
            seconds = self.seconds if whole is None else min(self.seconds, SHORT_SECONDS)
            patience = Patience(seconds, unreached=UNREACHED if whole is None else 1, size=kept.size)
            return self._download(_Asked(model, revision, choose), kept, patience)
        except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:  # HFValidationError, broken JSON
            refused = self._explained(error, model, revision)
            if whole is None or isinstance(refusal_of(error), RevisionNotFoundError):
                raise refused from error
            logger.warning("[weights] %s; its files are here from before, and are served: %s", refused, whole)
            return whole

    def _download(self, asked: "_Asked", kept: CachedRepo, patience: Patience) -> Path:
        model, revision = asked.model, asked.revision
        info, token = patience.ask(lambda: self._info(model, revision), model)
        fetch = _Fetch(HfApi(endpoint=self.url, token=token), model, str(info.sha or revision), kept, patience)
        names = {one.rfilename: one for one in info.siblings or []}
        chosen = self._chosen(names, asked.choose, fetch)
        missing = [name for name in chosen if not kept.has_blob(names[name])]
        needed = sum(names[name].size or 0 for name in missing)
        total = sum(names[name].size or 0 for name in chosen)
        what = f"{model} at {fetch.commit[:12]}: {len(chosen)} files, {said_size(total)}"
        here = f"{said_size(needed)} to be downloaded" if needed else "all of it is here already"
        logger.info("[weights] %s, %s; %s free in %s", what, here, said_size(free_bytes(kept.root)), kept.root)
        check_room(kept.folder, needed - kept.unfinished(), model)
        began = time.monotonic()
        folder = fetch.files(chosen)
        kept.remember(revision, folder.name)
        check_whole(folder)
        if needed:
            took = max(time.monotonic() - began, 0.01)
            logger.info("[weights] %s: %s in %.1f s (%s/s)", model, said_size(needed), took, said_size(needed / took))
        return folder

    def _info(self, model: str, revision: str | None) -> tuple[ModelInfo, str | bool]:
        """Ask what a repository holds, and return with which token its files are to be asked for."""
        hub = HfApi(endpoint=self.url, token=False)
        try:
            info = hub.model_info(model, revision=revision, files_metadata=True)
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if not self.token or status not in ASK_WITH_TOKEN or isinstance(error, RevisionNotFoundError):
                raise
            hub = HfApi(endpoint=self.url, token=self.token)
            return hub.model_info(model, revision=revision, files_metadata=True), self.token
        if info.gated and self.token:
            hub = HfApi(endpoint=self.url, token=self.token)
            return hub.model_info(model, revision=revision, files_metadata=True), self.token
        return info, False

    def _chosen(self, names: dict[str, Any], choose: Choose, fetch: "_Fetch") -> list[str]:
        """Return the files to fetch: of the tensors at the root those that their index names, where there is one."""
        chosen = choose(list(names))
        tensors = {name for name in chosen if is_tensor(name) and "/" not in name}
        for index in INDEXES:
            kinds = {name for name in tensors if name.endswith(".bin" if ".bin." in index else ".safetensors")}
            if index in chosen and kinds:
                shards = set(named_shards(fetch.files([index]) / index))
                if lost := sorted(shards - set(names)):
                    raise WeightsMissing(
                        f"{lost[0]} is not among the files of {fetch.model}, whose {index} names it",
                        hint="tell its authors, or name a revision that has it",
                    )
                chosen = [name for name in chosen if name not in kinds or name in shards or not shards]
        return chosen

    def _explained(self, error: Exception, model: str, revision: str | None) -> WeightsMissing:
        page = f"{self.url}/{model}"
        if isinstance(error, HFValidationError):
            return WeightsMissing(
                f"{model!r} is neither a folder nor a Hugging Face model id", hint="write org/name, or give a path"
            )
        if refused := refusal_of(error):
            return explain_refusal(refused, model=model, revision=revision, page=page)
        return cannot_download(error, model, self.url)


@dataclass(frozen=True)
class _Asked:
    """What is asked for: a repository at a revision, and what chooses its files."""

    model: str
    revision: str | None
    choose: Choose


@dataclass
class _Fetch:
    """One repository at a commit on its way here."""

    hub: HfApi
    model: str
    commit: str
    kept: CachedRepo
    patience: Patience

    def files(self, names: Sequence[str]) -> Path:
        """Download files, those that are here already excepted; return the folder of all."""
        return self.patience.ask(lambda: self._once(names), self.model)

    def _once(self, names: Sequence[str]) -> Path:
        patterns = [glob.escape(name) for name in names]
        try:
            return Path(
                self.hub.snapshot_download(
                    self.model, revision=self.commit, cache_dir=self.kept.root, allow_patterns=patterns
                )
            )
        except RuntimeError as error:
            raise _of_xet(error) from error


def _of_xet(error: RuntimeError) -> Exception:
    """Return what is meant by an error of hf_xet, which has one type for all but refused tokens and lost files."""
    said = str(error)
    full = os.strerror(errno.ENOSPC)
    return OSError(errno.ENOSPC, full) if full.lower() in said.lower() else httpx.TransportError(said)
