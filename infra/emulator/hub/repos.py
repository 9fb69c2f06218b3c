"""The repositories of the emulated Hub: files on disk, with the hashes and the commit that git would give them."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.emulator.hub.history import MAIN, Commit, Files, History, RepoFile, history
from infra.emulator.state.store import Store
from infra.hub.demo_models import DEMO_MODELS, demo_model

REPO_RECORD = "hub-repo"
# Files that .gitattributes of a new repository puts into large file storage.
LFS_SUFFIXES = (
    *(".safetensors", ".bin", ".gguf", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".model", ".ckpt"),
    *(".tar", ".gz", ".zip", ".arrow", ".parquet", ".npz", ".ot"),
)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
CHUNK_BYTES = 1024 * 1024


class NotPrepared(Exception):
    """The weights of a demo model are not on this machine."""


@dataclass(frozen=True)
class Repo:
    """One repository at one of its commits."""

    id: str
    gated: bool | str
    private: bool
    access: Mapping[str, str]
    history: History
    commit: Commit

    @property
    def owner(self) -> str:
        """The user or organisation in its name."""
        return self.id.partition("/")[0]

    @property
    def files(self) -> Files:
        """The files by path."""
        return self.commit.files

    @cached_property
    def sha(self) -> str:
        """The commit's hash."""
        return self.commit.sha


class HubRepos:
    """Repositories by id, case-insensitively as on the Hub."""

    def __init__(self, store: Store, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._store = store
        self._folder = folder
        self._environ = environ
        self._digests: dict[tuple[str, int, int], str] = {}

    def known(self, repo_id: str) -> dict[str, Any] | None:
        """The record of a repository, None where there is none."""
        return self._store.record(REPO_RECORD, repo_id.lower())

    def ids(self) -> list[str]:
        """All ids."""
        return [record["id"] for record in self._store.records(REPO_RECORD).values()]

    def put(self, repo: Mapping[str, Any]) -> None:
        """Create a repository, or change those of its fields that are given."""
        record = {"gated": False, "private": False, "access": {}, "files": {}} | (self.known(repo["id"]) or {})
        record |= {key: repo[key] for key in ("id", "gated", "private", "access", "tags") if key in repo}
        if "files" in repo:
            record["files"] = self._kept(repo["files"])
        if "history" in repo:
            record["history"] = [self._kept(files) for files in repo["history"]]
        if "branches" in repo:
            record["branches"] = {name: self._kept(files) for name, files in repo["branches"].items()}
        self._store.put_record(REPO_RECORD, repo["id"].lower(), record)

    def put_demo_models(self, user: str) -> None:
        """Add the demo models, with access for this user."""
        for model in DEMO_MODELS:
            if not self.known(model.id):
                self.put({"id": model.id, "gated": model.gated, "access": {user: "accepted"}})

    def set_access(self, repo_id: str, user: str, state: str) -> None:
        """Record the status of a user's access request."""
        record = self.known(repo_id) or {"access": {}}
        self.put({"id": record["id"], "access": {**record["access"], user: state}})

    def load(self, record: Mapping[str, Any]) -> Repo:
        """The repository at main; reads whole files the first time, so call it outside the event loop."""
        sources = self._sources(record["files"])
        model = demo_model(record["id"])
        if model and not any(_is_lfs(path) for path in sources):
            if not model.is_ready(self._environ):
                raise NotPrepared(model.id)
            sources = _files_below(model.folder(self._environ)) | sources
        states = [*(self._sources(files) for files in record.get("history", [])), sources]
        branches = {name: self._files(self._sources(files)) for name, files in record.get("branches", {}).items()}
        past = history([self._files(each) for each in states], branches, record.get("tags", {}))
        head = past.branches[MAIN]
        return Repo(record["id"], record["gated"], record["private"], record["access"], past, head)

    def _sources(self, files: Mapping[str, str]) -> dict[str, Path]:
        return {path: self._folder / name for path, name in files.items()}

    def _files(self, sources: Mapping[str, Path]) -> Files:
        return {path: self._file(path, source) for path, source in sorted(sources.items())}

    def _kept(self, files: Mapping[str, str]) -> dict[str, str]:
        return {path: self._keep(text) for path, text in files.items()}

    def _keep(self, text: str) -> str:
        content = text.encode()
        name = hashlib.sha256(content).hexdigest()
        self._folder.mkdir(exist_ok=True, mode=0o700)
        (self._folder / name).write_bytes(content)
        return name

    def _file(self, path: str, source: Path) -> RepoFile:
        stat = source.stat()
        key = (str(source), stat.st_size, stat.st_mtime_ns)
        if key not in self._digests:
            self._digests[key] = _sha256_kept(source, stat) if _is_lfs(path) else _git_oid(source.read_bytes())
        digest = self._digests[key]
        if not _is_lfs(path):
            return RepoFile(path, source, stat.st_size, digest, None)
        pointer = POINTER.format(sha256=digest, size=stat.st_size).encode()
        return RepoFile(path, source, stat.st_size, _git_oid(pointer), digest)


def _files_below(folder: Path) -> dict[str, Path]:
    files: Iterable[Path] = (path for path in folder.rglob("*") if path.is_file())
    relative = ((path.relative_to(folder), path) for path in files)
    return {str(name): path for name, path in relative if not any(part.startswith(".") for part in name.parts)}


def _is_lfs(path: str) -> bool:
    return path.endswith(LFS_SUFFIXES)


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sha256_kept(source: Path, stat: os.stat_result) -> str:
    """The hash of a large file, kept beside its folder for as long as the file has this size and time."""
    notes_file = source.parent.with_name(f"{source.parent.name}.hashes.json")
    stamp = f"{stat.st_size}:{stat.st_mtime_ns}"
    notes: dict[str, list[str]] = {}
    with suppress(OSError, ValueError):
        notes = json.loads(notes_file.read_text())
    if notes.get(source.name, [""])[0] != stamp:
        digest = hashlib.sha256()
        with source.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
        notes[source.name] = [stamp, digest.hexdigest()]
        with suppress(OSError):  # the file is only a cache
            part = notes_file.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(notes))
            part.replace(notes_file)
    return notes[source.name][1]
