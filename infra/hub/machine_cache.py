"""What huggingface_hub's cache on this machine tells of a model: the commit of a branch, and its files."""

from pathlib import Path

from infra.hub.facts import HubFile

MAIN = "main"


def commit_in_cache(cache: Path, model: str, revision: str | None) -> str:
    """The commit that a branch or a tag had when it was last downloaded; empty where it never was."""
    try:
        return (_folder(cache, model) / "refs" / (revision or MAIN)).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def files_in_cache(cache: Path, model: str, commit: str) -> tuple[HubFile, ...]:
    """The files of a commit that were downloaded, with their sizes; there may be others on the Hub."""
    snapshot = _folder(cache, model) / "snapshots" / commit
    if not commit or not snapshot.is_dir():
        return ()
    paths = sorted(path for path in snapshot.rglob("*") if path.is_file())
    return tuple(HubFile(path.relative_to(snapshot).as_posix(), path.stat().st_size) for path in paths)


def _folder(cache: Path, model: str) -> Path:
    return cache / f"models--{model.replace('/', '--')}"
