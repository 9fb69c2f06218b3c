"""Folders of this machine that appear as blobs: their files are read where they are, and never written or removed."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.emulator.state.store import Store

KIND = "blob-link"


class Links:
    """The links, one for each prefix of a container."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, asked: Any) -> dict[str, Any]:
        """Make or replace a link: `container`, `prefix`, `folder`, and `files`, the names to show, all by default."""
        if not isinstance(asked, dict):
            raise ValueError("the body must be an object")
        container, prefix, folder = (str(asked.get(name) or "") for name in ("container", "prefix", "folder"))
        if not self._store.record("container", container):
            raise ValueError(f"there is no container {container!r}")
        if not prefix.strip("/"):
            raise ValueError("a link needs a prefix")
        if not Path(folder).is_absolute() or not Path(folder).is_dir():
            raise ValueError(f"{folder!r} is not the absolute path of a folder")
        files = asked.get("files")
        if files is not None and not (isinstance(files, list) and all(isinstance(name, str) for name in files)):
            raise ValueError("`files` must be a list of names")
        kept = {"container": container, "prefix": prefix.strip("/"), "folder": folder, "files": files}
        self._store.put_record(KIND, f"{container}/{kept['prefix']}", kept)
        return kept

    def file(self, container: str, name: str) -> Path | None:
        """The file behind a blob's name; None where no link shows one."""
        for kept in self._of(container):
            inner = name.removeprefix(f"{kept['prefix']}/")
            if inner != name and _shown(kept, inner):
                path = Path(kept["folder"], inner)
                return path if path.is_file() else None
        return None

    def names(self, container: str, prefix: str = "") -> dict[str, dict[str, Any]]:
        """The properties of the files that links show below a prefix, by name."""
        found = {}
        for kept in self._of(container):
            if kept["prefix"].startswith(prefix) or f"{prefix}/".startswith(f"{kept['prefix']}/"):
                for inner, path in _files(Path(kept["folder"])):
                    name = f"{kept['prefix']}/{inner}"
                    if name.startswith(prefix) and _shown(kept, inner):
                        found[name] = properties(path)
        return found

    def drop(self, container: str, name: str) -> None:
        """Show a file no longer."""
        for kept in self._of(container):
            inner = name.removeprefix(f"{kept['prefix']}/")
            if inner != name and _shown(kept, inner):
                names = kept["files"] if kept["files"] is not None else [one for one, _ in _files(Path(kept["folder"]))]
                rest = {**kept, "files": [one for one in names if one != inner]}
                self._store.put_record(KIND, f"{container}/{kept['prefix']}", rest)

    def _of(self, container: str) -> list[dict[str, Any]]:
        return list(self._store.records(KIND, f"{container}/").values())


def properties(path: Path) -> dict[str, Any]:
    """What a blob's record would say of a file."""
    found = path.stat()
    return {
        "content_type": "application/octet-stream",
        "metadata": {},
        "blocks": [],
        "lease": None,
        "size": found.st_size,
        "etag": f'"0x{found.st_mtime_ns:X}{found.st_size:X}"',
        "modified": datetime.fromtimestamp(found.st_mtime, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "md5": "",
    }


def _shown(kept: dict[str, Any], inner: str) -> bool:
    if ".." in inner.split("/"):
        return False
    return kept["files"] is None or inner in kept["files"]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path
