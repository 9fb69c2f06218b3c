"""The repositories of the emulated Hub: files on disk, with the hashes and the commit that git would give them."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.emulator.hub.hashes import KeptHashes, git_oid, is_lfs, pointer_oid
from infra.emulator.hub.history import MAIN, Commit, Files, History, RepoFile, history
from infra.emulator.state.store import Store
from infra.hub.demo_models import DEMO_MODELS, demo_model
from infra.paths import models_dir

REPO_RECORD = "hub-repo"
FIELDS = ("id", "gated", "private", "access", "tags", "folder")


class NotPrepared(Exception):
    """The files of a repository are not on this machine; the message says what to do."""


@dataclass(frozen=True)
class Repo:
    """One repository at one of its commits; `told` is what the Hub that it comes from says about it."""

    id: str
    gated: bool | str
    private: bool
    access: Mapping[str, str]
    history: History
    commit: Commit
    told: Mapping[str, Any] = field(default_factory=dict)

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
        record |= {key: repo[key] for key in FIELDS if key in repo}
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
        sources = self._below(record) | self._sources(record["files"])
        states = [*(self._sources(files) for files in record.get("history", [])), sources]
        branches = {name: self._files(self._sources(files)) for name, files in record.get("branches", {}).items()}
        past = history([self._files(each) for each in states], branches, record.get("tags", {}))
        head = past.branches[MAIN]
        return Repo(record["id"], record["gated"], record["private"], record["access"], past, head)

    def _below(self, record: Mapping[str, Any]) -> dict[str, Path]:
        """The files of the record's folder, or of the demo model with its id unless the record has weights itself."""
        if record.get("folder"):
            return _files_below(Path(record["folder"]), f"the folder of {record['id']} in the seed is gone")
        model = demo_model(record["id"])
        if model is None or any(is_lfs(path) for path in record["files"]):
            return {}
        missing = f"The weights of {model.id} have not been prepared on this machine: run scripts/setup"
        if not model.is_ready(self._environ):
            raise NotPrepared(missing)
        return _files_below(model.folder(self._environ), missing)

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
            self._digests[key] = self._hashes_of(source).of(source) if is_lfs(path) else git_oid(source.read_bytes())
        digest = self._digests[key]
        if not is_lfs(path):
            return RepoFile(path, source, stat.st_size, digest, None)
        return RepoFile(path, source, stat.st_size, pointer_oid(digest, stat.st_size), digest)

    def _hashes_of(self, source: Path) -> KeptHashes:
        """Those of the demo models are beside them, for every emulator of this machine."""
        shared = source.parent.parent == models_dir(self._environ)
        notes = source.parent.with_name(f"{source.parent.name}.hashes.json") if shared else self._folder / "hashes.json"
        return KeptHashes(notes)


def _files_below(folder: Path, missing: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise NotPrepared(missing)
    files: Iterable[Path] = (path for path in folder.rglob("*") if path.is_file())
    relative = ((path.relative_to(folder), path) for path in files)
    return {str(name): path for name, path in relative if not any(part.startswith(".") for part in name.parts)}
