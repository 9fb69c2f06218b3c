"""What the emulated Hub's cache has, and its removal. The machine's own cache of huggingface_hub is not touched."""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from infra.emulator.hub.upstream.cache_folder import CacheFolder
from infra.errors import GateliftError, NotFound
from infra.model_files import ADAPTER_CONFIG, MODEL_CONFIGS, adapter_files, model_files

SHORT_COMMIT = 12  # digits of a commit that people see
LEAST_DIGITS = 4  # of a commit that people write
LIST = "`gatelift hub list` shows what there is"


class KeptCommit(Struct, frozen=True):
    """The files of one commit: `missing` are those that a server would load and that are not here."""

    commit: str
    refs: tuple[str, ...]
    files: tuple[str, ...]
    bytes: int
    missing: tuple[str, ...]


class KeptModel(Struct, frozen=True):
    """A repository in the cache; `bytes` are those on the disk, `last_used` is in seconds since 1970."""

    id: str
    bytes: int
    last_used: float
    commits: tuple[KeptCommit, ...]

    def to_json(self) -> dict[str, Any]:
        """The model as `hub list --output json` prints it."""
        commits = [
            {"commit": one.commit, "refs": one.refs, "files": one.files, "bytes": one.bytes, "missing": one.missing}
            for one in self.commits
        ]
        return {"id": self.id, "bytes": self.bytes, "last_used": int(self.last_used), "commits": commits}


def kept_models(cache: Path) -> list[KeptModel]:
    """Every model of the cache, by its name."""
    folders = sorted(cache.glob("models--*")) if cache.is_dir() else []
    names = [folder.name.removeprefix("models--").replace("--", "/") for folder in folders]
    found = []
    for name in names:
        with suppress(NotFound):  # no model's, or removed meanwhile
            found.append(kept_model(cache, name))
    return found


def kept_model(cache: Path, model: str) -> KeptModel:
    """One model of the cache; `NotFound` where it has none of this name."""
    kept = CacheFolder(cache)
    try:
        folder = kept.folder(model)
    except ValueError:
        raise NotFound(f"{model!r} is not the name of a model", hint=LIST, code="not_in_cache") from None
    if not folder.is_dir():
        raise NotFound(f"{model} is not in the hub cache {cache}", hint=LIST, code="not_in_cache")
    blobs = [stat for path in folder.glob("blobs/*") if (stat := _stat(path))]
    used = max((max(stat.st_atime, stat.st_mtime) for stat in blobs), default=folder.stat().st_mtime)
    refs = kept.refs(model)
    commits = tuple(_commit(kept, model, commit, refs) for commit in kept.commits(model))
    return KeptModel(model, sum(stat.st_size for stat in blobs), used, commits)


def chosen(model: KeptModel, revision: str) -> KeptCommit:
    """The commit that a branch, a tag or the beginning of a hash names; `NotFound` where there is none."""
    for one in model.commits:
        if revision in one.refs or (len(revision) >= LEAST_DIGITS and one.commit.startswith(revision)):
            return one
    raise NotFound(f"the hub cache has no revision {revision!r} of {model.id}", hint=LIST, code="not_in_cache")


def remove(cache: Path, model: KeptModel, commit: KeptCommit | None = None) -> int:
    """Remove a model, or one of its commits with the files that no other commit has; returns the bytes."""
    kept = CacheFolder(cache)
    folder = kept.folder(model.id)
    if commit is None or [one.commit for one in model.commits] == [commit.commit]:
        _remove_folder(folder)
        return model.bytes
    shutil.rmtree(folder / "snapshots" / commit.commit, ignore_errors=True)
    kept.note_of(model.id, commit.commit).unlink(missing_ok=True)
    for name in commit.refs:
        (folder / "refs" / name).unlink(missing_ok=True)
    needed = {path.resolve() for one in model.commits for path in kept.snapshot(model.id, one.commit).values()}
    loose = [path for path in folder.glob("blobs/*") if path.resolve() not in needed]
    freed = sum(stat.st_size for path in loose if (stat := _stat(path)))
    for path in loose:
        path.unlink(missing_ok=True)
    return freed


def served_files(names: Iterable[str]) -> list[str]:
    """The files that a server would load: of a model its weights in one format, of an adapter the adapter's."""
    names = list(names)
    is_adapter = ADAPTER_CONFIG in names and not set(MODEL_CONFIGS) & set(names)
    return adapter_files(names) if is_adapter else model_files(names)


def _commit(kept: CacheFolder, model: str, commit: str, refs: Mapping[str, str]) -> KeptCommit:
    here, told = kept.snapshot(model, commit), kept.told(model, commit)
    missing = [name for name in served_files(told) if name not in here]
    size = sum(stat.st_size for path in here.values() if (stat := _stat(path)))
    named = tuple(sorted(name for name, found in refs.items() if found == commit))
    return KeptCommit(commit, named, tuple(here), size, tuple(missing))


def _stat(path: Path) -> os.stat_result | None:
    """None where an emulator that reads through has renamed or removed it meanwhile."""
    try:
        return path.stat()
    except OSError:
        return None


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        message = f"cannot remove {error.filename or folder}: {error.strerror}"
        raise GateliftError(message, hint="make it writable", code="cache_not_writable") from None
