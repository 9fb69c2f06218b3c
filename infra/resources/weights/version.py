"""Weights as an Azure ML model version: uploaded from a folder or copied from the Hub once, shared by all stacks."""

import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from infra.azure.cloud import Cloud, SourceFile
from infra.errors import Refused
from infra.resources.asset_versions import remove_version, restore_version
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.spec.names import catalog_name

CONTENT = "gatelift_weights"  # the property with the hash of the files, or with the Hub's commit
BYTES = "gatelift_bytes"  # the property with their size
MANIFEST = "gatelift-model.json"
FOLDER = "model"  # Azure mounts the last folder of a version's address
KEPT = "what an earlier run has sent is not sent again"


@dataclass(frozen=True)
class Weights(Resource):
    """A `custom_model` version; its name says what it is of, its version is the beginning of `content`."""

    label: str
    content: str
    """A hash of the files, or the Hub's commit."""
    files: tuple[SourceFile, ...]
    stack: str

    kind: ClassVar[str] = "weights"
    shared: ClassVar[bool] = True

    @property
    def asset(self) -> str:
        """The name of the model asset."""
        return f"{catalog_name(self.label)}-weights"

    @property
    def version(self) -> str:
        """The first twelve digits of the content."""
        return self.content[:12]

    @property
    def name(self) -> str:
        """`NAME:VERSION`."""
        return f"{self.asset}:{self.version}"

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    @cached_property
    def desired(self) -> State:
        """The version in the words of Azure ML YAML."""
        state: State = {
            "name": self.asset,
            "version": self.version,
            "type": "custom_model",
            "properties": {CONTENT: self.content, BYTES: str(self.size)},
            "tags": {},
        }
        return owned(state, self.stack)

    @property
    def remark(self) -> str:
        """How much is sent."""
        return f"{in_words(self.size)} in {len(self.files)} files to upload; {KEPT}"

    def remark_on(self, live: Live) -> str:
        """How much is there."""
        return f"{in_words(self.size)}, there already"

    def settle(self, live: Live) -> State:
        """Nothing: an existing version has the same content, since its name is a hash of it."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version; None where it does not exist or is archived. Raises `Refused` where it has other files."""
        document = cloud.management.get(self._id(cloud))
        if document is None or document["properties"].get("isArchived"):
            return None
        properties = document["properties"]
        if (properties.get("properties") or {}).get(CONTENT) != self.content:
            hint = (
                f"archive it (`az ml model archive --name {self.asset} --version {self.version}`), or ask who made it"
            )
            raise Refused(f"the model {self.name} exists with other files", hint=hint, code="weights_differ")
        return Live(dict(self.desired), owner_of(properties.get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Send the files, then create the version, so that a version is always complete."""
        if restore_version(cloud, self._id(cloud)):
            return
        with tempfile.TemporaryDirectory(prefix="gatelift-weights-") as temporary:
            manifest = self._manifest(Path(temporary, MANIFEST))
            files = [(file.name, file.path) for file in self.files if file.path] + [(MANIFEST, manifest)]
            uri = cloud.assets.upload_to_workspace(files, FOLDER)
        properties: dict[str, Any] = {
            "modelType": state["type"],
            "modelUri": uri,
            "isAnonymous": False,
            "isArchived": False,
            "properties": state["properties"],
            "tags": state["tags"],
        }
        cloud.management.put(self._id(cloud), {"properties": properties})

    def _manifest(self, path: Path) -> Path:
        """The list of the files, by which a container sees that all of them are there."""
        files = {file.name: {"size": file.size, "sha256": file.sha256} for file in self.files}
        listed = {"version": 1, "model": self.label, "revision": "", "files": files}
        path.write_text(json.dumps(listed, indent=1), encoding="utf-8")
        return path

    def delete(self, cloud: Cloud) -> None:
        """Delete this version, or archive it."""
        remove_version(cloud, self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("models", self.asset, self.version)


def in_words(size: int) -> str:
    """A size in bytes as people say it: `2.1 GB`, `270 MB`, `12 kB`."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}" if size < 10 * bytes_ else f"{size / bytes_:.0f} {unit}"
    return f"{size} bytes"
