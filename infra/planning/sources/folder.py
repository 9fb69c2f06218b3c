"""Reads a folder with a model: which of its files are served, and what is known about them."""

import hashlib
from pathlib import Path

from infra.azure.cloud import SourceFile
from infra.uploaded_files import files_to_upload


def folder_files(folder: Path) -> tuple[SourceFile, ...]:
    """The files of a folder, with their hashes."""
    return tuple(_hashed(name, path) for name, path in files_to_upload(folder))


def content_of(files: tuple[SourceFile, ...]) -> str:
    """The SHA-256, in hex, of the names and hashes of files."""
    listed = "".join(f"{file.name}\0{file.sha256}\0" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def _hashed(name: str, path: Path) -> SourceFile:
    with path.open("rb") as file:
        return SourceFile(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest(), path=path)
