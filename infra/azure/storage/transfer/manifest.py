"""The manifest of a model's folder, from which whoever reads the folder sees whether it is whole."""

import json
from collections.abc import Mapping, Sequence

from infra.azure.cloud import SourceFile


def manifest(files: Sequence[SourceFile], about: Mapping[str, str]) -> bytes:
    """The manifest as JSON: the model and its revision, and the size and SHA-256 of each file as far as known."""
    listed = {file.name: {"size": file.size, "sha256": file.sha256} for file in sorted(files, key=_name)}
    known = {"model": about.get("model", ""), "revision": about.get("revision", "")}
    return json.dumps({"version": 1, **known, "files": listed}, indent=1).encode() + b"\n"


def _name(file: SourceFile) -> str:
    return file.name
