"""A cache of Hub files in the layout of huggingface_hub: `models--ORG--NAME/{blobs,refs,snapshots}`."""

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

COMMIT = re.compile("[0-9a-f]{40}")
HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")  # no longer name on the Hub
HALF = re.compile(r"\..*\.\d+\.part")  # what `_write` and `link` leave where they are killed
NOTES = ".gatelift"  # what the Hub says about a commit; huggingface_hub does not look at such a folder


class Listed(Struct, frozen=True):
    """A file as the Hub lists it; `sha256` only if it is in large file storage, `size` -1 where it is not told."""

    size: int
    oid: str
    sha256: str = ""

    @property
    def etag(self) -> str:
        """The hash that names its content."""
        return self.sha256 or self.oid


class CacheFolder:
    """One cache; the folder need not exist."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, repo: str) -> Path:
        """The folder of a repository; `ValueError` for what cannot be the name of one."""
        return self.root / "--".join(("models", *self.check(repo)))

    @staticmethod
    def check(repo: str) -> list[str]:
        """The parts of a repository's name; `ValueError` for what cannot be one."""
        parts = repo.split("/")
        if len(parts) > 2 or not all(PART.fullmatch(part) and ".." not in part for part in parts):
            raise ValueError(repo)
        return parts

    def refs(self, repo: str) -> dict[str, str]:
        """The known branches and tags, each with the commit that it last had."""
        folder = self.folder(repo) / "refs"
        found = {str(path.relative_to(folder)): _text(path) for path in _files_below(folder)}
        return {name: commit for name, commit in found.items() if COMMIT.fullmatch(commit)}

    def commits(self, repo: str) -> list[str]:
        """The commits of which files or notes are here, the latest first."""
        folders = [self.folder(repo) / "snapshots", self.folder(repo) / NOTES]
        found = [path for folder in folders for path in _entries(folder)]
        found.sort(key=_changed, reverse=True)
        names = dict.fromkeys(path.name.removesuffix(".json") for path in found)
        return [name for name in names if COMMIT.fullmatch(name)]  # beside them lie what a kill and a Mac leave

    def blob(self, repo: str, etag: str) -> Path:
        """Where the content with this hash is, or will be."""
        if not HASH.fullmatch(etag):
            raise ValueError(etag)
        return self.folder(repo) / "blobs" / etag

    def snapshot(self, repo: str, commit: str) -> dict[str, Path]:
        """The files of a commit that are here, by path."""
        folder = self.folder(repo) / "snapshots" / commit
        return {str(path.relative_to(folder)): path for path in sorted(_files_below(folder))}

    def note(self, repo: str, commit: str) -> dict[str, Any] | None:
        """What the Hub said about a commit; None where that is not known."""
        with suppress(OSError, ValueError):
            known: dict[str, Any] = json.loads(self.note_of(repo, commit).read_text())
            return known
        return None

    def told(self, repo: str, commit: str) -> dict[str, Listed]:
        """All files of a commit, here or not, as far as the Hub has told them to us or to huggingface_hub."""
        if note := self.note(repo, commit):
            return {each["rfilename"]: _sibling(each) for each in note.get("siblings") or []}
        with suppress(OSError, ValueError, KeyError, AttributeError):
            tree = json.loads((self.folder(repo) / "trees" / f"{commit}.json").read_text())
            return {
                path: Listed(each["size"], each["blob_id"], each.get("lfs_sha256") or "")
                for path, each in tree["files"].items()
            }
        return {}

    def put_note(self, repo: str, commit: str, document: dict[str, Any]) -> None:
        """Keep what the Hub says about a commit."""
        _write(self.note_of(repo, commit), json.dumps(document))

    def link(self, repo: str, commit: str, path: str, etag: str) -> None:
        """Make content that is here the file of a commit."""
        place = self.folder(repo) / "snapshots" / commit / checked_path(path)
        target = os.path.relpath(self.blob(repo, etag), place.parent)
        if place.is_symlink() and os.readlink(place) == target:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(target)
        part.replace(place)

    def put_ref(self, repo: str, revision: str, commit: str) -> None:
        """Keep which commit a branch or tag has; a commit needs no ref."""
        if revision != commit and self.refs(repo).get(revision) != commit:
            _write(self.folder(repo) / "refs" / checked_path(revision), commit)

    def note_of(self, repo: str, commit: str) -> Path:
        """Where that is kept."""
        if not COMMIT.fullmatch(commit):
            raise ValueError(commit)
        return self.folder(repo) / NOTES / f"{commit}.json"


def checked_path(path: str) -> str:
    """A path inside a repository; `ValueError` for one that leads out of it."""
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise ValueError(path)
    return path


def _files_below(folder: Path) -> list[Path]:
    """The files below a folder but for half-written ones; those that another user keeps from us are left out."""
    found = [path for path in folder.rglob("*") if not HALF.fullmatch(path.name)]
    return [path for path in found if os.path.isfile(path)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _changed(path: Path) -> float:
    """When it changed last; long ago for what has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _sibling(file: dict[str, Any]) -> Listed:
    size = file.get("size")
    return Listed(-1 if size is None else size, file.get("blobId") or "", (file.get("lfs") or {}).get("sha256") or "")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)
