"""Commits, branches and tags of a repository of the emulated Hub."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

MAIN = "main"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
REF = re.compile(r"(?P<branch>[^~]+)(?:~(?P<before>\d{1,4}))?")
PREFIXES = ("refs/heads/", "refs/tags/")


@dataclass(frozen=True)
class RepoFile:
    """A file of a repository; `sha256` only if it is in large file storage."""

    path: str
    source: Path
    size: int
    oid: str
    sha256: str | None

    @property
    def etag(self) -> str:
        """The ETag that the Hub sends."""
        return self.sha256 or self.oid


Files = Mapping[str, RepoFile]


@dataclass(frozen=True)
class Commit:
    """The files at one moment; `earlier` are the commits before it, newest first; `id` is its hash if git gave one."""

    files: Files
    earlier: tuple["Commit", ...] = ()
    id: str = ""

    @cached_property
    def sha(self) -> str:
        """The hash, which depends on nothing but the files and the commit before."""
        if self.id:
            return self.id
        listing = "".join(f"{file.oid} {path}\n" for path, file in sorted(self.files.items()))
        parent = f"parent {self.earlier[0].sha}\n" if self.earlier else ""
        return hashlib.sha1((listing + parent).encode(), usedforsecurity=False).hexdigest()

    @property
    def title(self) -> str:
        """What the commit is called."""
        return "Upload" if not self.earlier else f"Update {len(self.earlier)}"

    @property
    def date(self) -> str:
        """When it was made."""
        moment = FIRST + timedelta(minutes=len(self.earlier))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class History:
    """The refs of a repository: each names a commit; `others` are commits that no ref names."""

    branches: Mapping[str, Commit]
    tags: Mapping[str, Commit]
    others: tuple[Commit, ...] = ()

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag or a full hash, and of `refs/heads/…` and `refs/tags/…`."""
        for prefix, refs in zip(PREFIXES, (self.branches, self.tags), strict=True):
            if revision.startswith(prefix):
                return refs.get(revision.removeprefix(prefix))
        named = self.branches.get(revision) or self.tags.get(revision)
        if named or not re.fullmatch("[0-9a-f]{40}", revision):
            return named
        heads = (*self.branches.values(), *self.tags.values(), *self.others)
        known = [each for head in heads for each in (head, *head.earlier)]
        return next((each for each in known if each.sha == revision), None)


def history(states: Sequence[Files], branches: Mapping[str, Files], tags: Mapping[str, str]) -> History:
    """The history in which main had these `states`, oldest first; a branch has a commit more, or none without files."""
    head = Commit(states[0])
    for files in states[1:]:
        head = Commit(files, (head, *head.earlier))
    heads = {MAIN: head}
    heads |= {name: Commit(files, (head, *head.earlier)) if files else head for name, files in branches.items()}
    return History(heads, {name: _at(heads, ref) for name, ref in tags.items()})


def ref_fault(ref: str, branches: Sequence[str], commits: int) -> str:
    """What is wrong with a tag's ref, `BRANCH` or `BRANCH~N`; empty where nothing is. Main has so many `commits`."""
    match = REF.fullmatch(ref)
    if not match or match["branch"] not in (MAIN, *branches):
        return f"{ref!r} names no branch: there are {', '.join((MAIN, *branches))}, and BRANCH~1 for the commit before"
    if int(match["before"] or 0) >= commits:
        return f"{ref!r} is before the first commit"
    return ""


def _at(heads: Mapping[str, Commit], ref: str) -> Commit:
    match = REF.fullmatch(ref)
    if not match:
        raise ValueError(ref)
    head = heads[match["branch"]]
    return (head, *head.earlier)[int(match["before"] or 0)]
