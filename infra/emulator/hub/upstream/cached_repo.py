"""A repository as the caches of this machine know it, for when the upstream Hub is not there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.emulator.hub.hashes import git_oid, is_lfs, pointer_oid, sha256_of
from infra.emulator.hub.history import MAIN, Commit, Files, History, RepoFile
from infra.emulator.hub.repos import Repo
from infra.emulator.hub.upstream.cache_folder import HASH, CacheFolder, Listed

SHA256_LENGTH = 64


def cached_repo(caches: Sequence[CacheFolder], id: str) -> Repo | None:
    """The repository at the commit that its main branch last had; None where no cache has a file of it."""
    refs = {name: commit for cache in reversed(caches) for name, commit in cache.refs(id).items()}
    known = dict.fromkeys([*refs.values(), *(commit for cache in caches for commit in cache.commits(id))])
    commits = {commit: found for commit in known if (found := Commit(_files(caches, id, commit), id=commit)).files}
    if not commits:
        return None
    branches = {name: commits[commit] for name, commit in refs.items() if commit in commits}
    head = branches.get(MAIN) or next(iter(commits.values()))
    note = next((note for cache in caches if (note := cache.note(id, head.sha))), {})
    past = History({MAIN: head, **branches}, {}, others=tuple(commits.values()))
    return Repo(id, False, False, {}, past, head, told=note)


def cached_file(caches: Iterable[CacheFolder], repo: str, etag: str, size: int) -> Path | None:
    """Where a cache has the content with this hash and size, any size if it is negative; None where none has."""
    if not HASH.fullmatch(etag):
        return None
    found = (cache.blob(repo, etag) for cache in caches)
    return next((path for path in found if os.path.isfile(path) and size in (path.stat().st_size, -1)), None)


def _files(caches: Sequence[CacheFolder], id: str, commit: str) -> Files:
    """The files of a commit; one that no cache has gets a source that does not exist."""
    here = {path: source for cache in reversed(caches) for path, source in cache.snapshot(id, commit).items()}
    if not here:
        return {}
    told = {path: each for cache in reversed(caches) for path, each in cache.told(id, commit).items()}
    files = {path: _told(path, each, cached_file(caches, id, each.etag, each.size)) for path, each in told.items()}
    files |= {path: _seen(path, source) for path, source in here.items()}
    return dict(sorted(files.items()))


def _told(path: str, listed: Listed, source: Path | None) -> RepoFile:
    return RepoFile(path, source or Path("/nonexistent"), max(listed.size, 0), listed.oid, listed.sha256 or None)


def _seen(path: str, source: Path) -> RepoFile:
    """A file of a snapshot: the link leads to content that is named by its hash."""
    size, name = source.stat().st_size, Path(os.readlink(source)).name if source.is_symlink() else ""
    if not HASH.fullmatch(name):
        name = sha256_of(source) if is_lfs(path) else git_oid(source.read_bytes())
    if len(name) == SHA256_LENGTH:
        return RepoFile(path, source, size, pointer_oid(name, size), name)
    return RepoFile(path, source, size, name, None)
