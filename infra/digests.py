"""Hashes of file contents and of values."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def content_digest(files: Iterable[tuple[str, Path]]) -> str:
    """The SHA-256, in hex, of the files' names and contents; `files` are pairs of name and path, in a fixed order."""
    digest = hashlib.sha256()
    for relative, path in files:
        content = path.read_bytes()
        digest.update(f"{relative}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def fingerprint(value: Any) -> str:
    """Twelve hex digits of a hash of a value that JSON can hold."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
