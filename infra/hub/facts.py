"""What the Hub tells about a model and a token, as values."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from infra.model_files import adapter_files, model_files, tensor_files

MADE_FOR = "base_model:adapter:"
SHA256, GIT_OID = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")


class HubFile(Struct, frozen=True):
    """A file of a repository at a commit."""

    name: str
    """The path below the repository's root, separated by `/`."""
    size: int | None = None
    """Bytes; None where the Hub does not tell them."""
    sha256: str = ""
    """Of the content of a large file; empty for small ones, and where the Hub masks it from who may not read it."""
    git_oid: str = ""
    """Of a small file: the SHA-1 of `blob SIZE\\0` and the content; empty for large ones."""


class ModelFacts(Struct, frozen=True):
    """A repository at a commit."""

    id: str
    revision: str
    gated: bool = False
    private: bool = False
    license: str = ""
    task: str = ""
    weights: int | None = None
    """The bytes of the weights that the scoring server downloads; None where the Hub does not tell them."""
    updated: str = ""
    """When the repository last changed, as `January 2026`; empty where the Hub does not say."""
    files: tuple[HubFile, ...] = ()
    base: str = ""
    """For an adapter, the model that it was made for, if it says so."""
    asked: bool = True
    """False where the Hub could not be asked: only id, revision and perhaps the rest of what a container needs."""

    @property
    def needs_token(self) -> bool:
        """Whether its files come only with a token."""
        return self.gated or self.private


class TokenFacts(Struct, frozen=True):
    """Whose token it is and what kind."""

    user: str
    role: str


def read_model(found: Mapping[str, Any], files: tuple[HubFile, ...]) -> ModelFacts:
    """The facts in the Hub's document about a model."""
    bases = [tag.removeprefix(MADE_FOR) for tag in found.get("tags") or [] if tag.startswith(MADE_FOR)]
    licenses = [tag.removeprefix("license:") for tag in found.get("tags") or [] if tag.startswith("license:")]
    return ModelFacts(
        found["id"],
        found["sha"],
        gated=bool(found.get("gated")),
        private=bool(found.get("private")),
        license=licenses[0] if licenses else "",
        task=found.get("pipeline_tag") or "",
        weights=weight_bytes(files),
        updated=_month(str(found.get("lastModified") or "")),
        files=files,
        base=bases[0] if bases else "",
    )


def read_siblings(siblings: Iterable[Mapping[str, Any]]) -> tuple[HubFile, ...]:
    """The files in `siblings`, as `/api/models/{id}?blobs=true` has them."""
    return tuple(_file(one, str(one["rfilename"]), one.get("blobId"), "sha256") for one in siblings)


def read_tree(entries: Iterable[Mapping[str, Any]]) -> tuple[HubFile, ...]:
    """The files among the entries of `/api/models/{id}/tree/{revision}`."""
    return tuple(_file(one, str(one["path"]), one.get("oid"), "oid") for one in entries if one.get("type") == "file")


def weight_bytes(files: Iterable[HubFile]) -> int | None:
    """The bytes of the weights: of the formats that lie there, the one that is served; None where they are unknown."""
    sizes = {file.name: file.size for file in files}
    names = tensor_files(model_files(sizes)) or tensor_files(adapter_files(sizes))
    known = [size for name in names if (size := sizes[name]) is not None]
    return sum(known) if names and len(known) == len(names) else None


def _file(one: Mapping[str, Any], name: str, oid: object, of_content: str) -> HubFile:
    size = one.get("size")
    lfs = one.get("lfs")
    if not lfs:
        return HubFile(name, size, git_oid=_hash(GIT_OID, oid))
    return HubFile(name, lfs.get("size", size), sha256=_hash(SHA256, lfs.get(of_content)))


def _hash(form: re.Pattern[str], value: object) -> str:
    """The hash; empty for a masked one."""
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _month(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).strftime("%B %Y")
    except ValueError:
        return ""
