"""Hashes that stand for contents and values."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def content_digest(files: Iterable[tuple[str, Path]]) -> str:
    """A hash over names and contents; each file comes with the name it goes by."""
    digest = hashlib.sha256()
    for relative, path in files:
        content = path.read_bytes()
        digest.update(f"{relative}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def fingerprint(value: Any) -> str:
    """Twelve hex digits that stand for a value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
