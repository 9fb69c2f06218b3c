"""The scoring code: a staged copy of a folder, named by its content, uploaded once."""

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
LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class CodeAsset(Resource):
    """A folder as an Azure ML code version; the same files are the same version, whoever uploaded them."""

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
        """The content's hash, names included."""
        return content_digest(self.files())[:12]

    @cached_property
    def desired(self) -> State:
        """Name, version and which folder it is a copy of."""
        return owned({"name": NAME, "version": self.version, "path": self.folder.name}, self.stack)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file that belongs to the code, by its path in the asset."""
        if not (self.folder / self.script).is_file():
            raise GateliftError(f"{self.folder / self.script}: no such scoring script", code="no_scoring_script")
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            if path.is_file() and not LEFT_OUT & set(relative.parts) and path.suffix != ".pyc":
                yield relative.as_posix(), path

    def settle(self, live: Live) -> State:
        """A version that exists has this very content."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists."""
        document = cloud.management.get(self._id(cloud))
        if document is None:
            return None
        return Live(dict(self.desired), owner_of(document["properties"].get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the files to where the service says, then register them."""
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
        """Take this version away."""
        cloud.delete(self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("codes", NAME, self.version)
