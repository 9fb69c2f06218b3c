"""The scoring code as an Azure ML code asset, versioned by a hash of its content."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from infra.azure.cloud import Cloud
from infra.digests import content_digest
from infra.errors import GateliftError
from infra.resources.base import Live, Resource, State, owned, owner_of

NAME = "gatelift-scoring"
IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class CodeAsset(Resource):
    """A folder as a code version; the same files always give the same version, whoever uploads them."""

    folder: Path
    stack: str
    script: str = "score.py"

    kind: ClassVar[str] = "code"
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """`NAME:VERSION`."""
        return f"{NAME}:{self.version}"

    @cached_property
    def version(self) -> str:
        """The first twelve digits of a hash of the files' names and contents."""
        return content_digest(self.files())[:12]

    @cached_property
    def desired(self) -> State:
        """Name, version, and the name of the folder."""
        return owned({"name": NAME, "version": self.version, "path": self.folder.name}, self.stack)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file of the code, as pairs of its path in the asset and its path on disk.

        Raises `GateliftError` where the folder has no scoring script.
        """
        if not (self.folder / self.script).is_file():
            raise GateliftError(f"there is no scoring script {self.folder / self.script}", code="no_scoring_script")
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            if path.is_file() and not IGNORED & set(relative.parts) and path.suffix != ".pyc":
                yield relative.as_posix(), path

    def settle(self, live: Live) -> State:
        """Nothing: an existing version has the same content, since its name is a hash of it."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists."""
        document = cloud.management.get(self._id(cloud))
        if document is None:
            return None
        return Live(dict(self.desired), owner_of(document["properties"].get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the files to the URL that the service gives, then create the version."""
        with tempfile.TemporaryDirectory(prefix="gatelift-code-") as staging:
            for relative, path in self.files():
                target = Path(staging, relative)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            pending = cloud.management.post(
                self._id(cloud) + "/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
            )
            reference = pending["blobReferenceForConsumption"]
            cloud.assets.upload(reference["credential"]["sasUri"], Path(staging))
        properties = {"codeUri": reference["blobUri"], "isAnonymous": False, "tags": state["tags"]}
        cloud.management.put(self._id(cloud), {"properties": properties})

    def delete(self, cloud: Cloud) -> None:
        """Delete this version."""
        cloud.delete(self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("codes", NAME, self.version)
