"""What huggingface_hub's cache holds of one repository; read by its layout, since offline it asks nobody."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.errors import WeightsMissing
from scoring.weights.checking import check_whole, named_shards
from scoring.weights.disk import unfinished_name

SHORT_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class CachedRepo:
    """A repository's folder in the cache `root`: `blobs` by hash, `refs` to commits, `snapshots` of them."""

    root: Path
    model: str

    @property
    def folder(self) -> Path:
        """The repository's own folder."""
        return self.root / ("models--" + self.model.replace("/", "--"))

    def whole(self, revision: str | None, choose: Callable[[Sequence[str]], list[str]]) -> Path | None:
        """Return the folder of a revision with all that is to be fetched of it; None where anything is missing."""
        commit = self._commit(revision or "main")
        snapshot = self.folder / "snapshots" / (commit or "-")
        if not snapshot.is_dir():
            return None
        listed = self._listed(snapshot.name)
        here = [str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if path.is_file()]
        try:
            needed = self._needed(choose(listed if listed is not None else here), snapshot)
            check_whole(snapshot)
        except WeightsMissing:
            return None
        return snapshot if all((snapshot / name).is_file() for name in needed) else None

    def _needed(self, chosen: list[str], snapshot: Path) -> list[str]:
        """Leave out the tensors that no index names, which are not fetched."""
        index = snapshot / "model.safetensors.index.json"
        if not index.is_file():
            return chosen
        shards = set(named_shards(index))
        return [one for one in chosen if one in shards or "/" in one or not one.endswith(".safetensors") or not shards]

    def _commit(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag, or a whole or shortened commit meant when it was last downloaded."""
        if (reference := self.folder / "refs" / revision).is_file():
            return reference.read_text().strip()
        if SHORT_COMMIT.fullmatch(revision):
            found = [one.name for one in (self.folder / "snapshots").glob(f"{revision}*")]
            return found[0] if len(found) == 1 else None
        return None

    def _listed(self, commit: str) -> list[str] | None:
        """Return the names that the Hub listed for a commit, as huggingface_hub 1.30 and later keeps them."""
        try:
            return list(json.loads((self.folder / "trees" / f"{commit}.json").read_bytes())["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has_blob(self, sibling: Any) -> bool:
        """Whether a file of the Hub is here."""
        name = sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id
        return bool(name) and (self.folder / "blobs" / name).is_file()

    def unfinished(self) -> int:
        """Return the bytes of downloads that have begun."""
        return sum(path.stat().st_size for path in (self.folder / "blobs").glob("*.incomplete"))

    def size(self) -> int:
        """Return the bytes that are here."""
        return sum(path.stat().st_size for path in (self.folder / "blobs").glob("*"))

    def remember(self, revision: str | None, commit: str) -> None:
        """Note which commit a revision is, for starts without a Hub."""
        if revision == commit:
            return
        reference = self.folder / "refs" / (revision or "main")
        reference.parent.mkdir(parents=True, exist_ok=True)
        written = unfinished_name(reference)
        written.write_text(commit)
        written.replace(reference)
