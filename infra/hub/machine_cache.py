"""What huggingface_hub's cache on this machine tells of a model: the commit of a branch, and its files."""

import os
import re
from pathlib import Path

from infra.hub.facts import HubFile

MAIN = "main"
COMMIT = re.compile("[0-9a-f]{40}")


def commit_in_cache(cache: Path, model: str, revision: str | None) -> str:
    """The commit that a branch or a tag had when it was last downloaded; empty where it never was."""
    try:
        found = (_folder(cache, model) / "refs" / (revision or MAIN)).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return found if COMMIT.fullmatch(found) else ""


def files_in_cache(cache: Path, model: str, commit: str) -> tuple[HubFile, ...]:
    """The files of a commit that were downloaded, with their sizes; there may be others on the Hub."""
    snapshot = _folder(cache, model) / "snapshots" / commit
    if not commit or not os.path.isdir(snapshot):  # `Path.is_dir` raises where another user keeps it from us
        return ()
    paths = sorted(path for path in snapshot.rglob("*") if os.path.isfile(path))
    return tuple(HubFile(path.relative_to(snapshot).as_posix(), path.stat().st_size) for path in paths)


def _folder(cache: Path, model: str) -> Path:
    return cache / f"models--{model.replace('/', '--')}"
