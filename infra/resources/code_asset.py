"""The scoring code as an Azure ML code asset, versioned by a hash of its content."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from infra.azure.cloud import Cloud
from infra.digests import content_digest
from infra.errors import GateliftError, Refused
from infra.resources.asset_versions import remove_version
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.uploaded_files import files_to_upload

NAME = "gatelift-scoring"
CONTENT = "gatelift_content"  # the property with the hash of the files


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
    def digest(self) -> str:
        """A hash of the files' names and contents."""
        return content_digest(self.files)

    @property
    def version(self) -> str:
        """The first twelve digits of the hash."""
        return self.digest[:12]

    @cached_property
    def desired(self) -> State:
        """Name, version, and the name of the folder."""
        return owned({"name": NAME, "version": self.version, "path": self.folder.name}, self.stack)

    @cached_property
    def files(self) -> list[tuple[str, Path]]:
        """Every file of the code, as pairs of its path in the asset and its path on disk.

        Raises `GateliftError` where the folder has no scoring script, or keeps it from being uploaded.
        """
        found = files_to_upload(self.folder) if (self.folder / self.script).is_file() else []
        if self.script not in dict(found):
            message = f"there is no scoring script {self.folder / self.script} to upload"
            raise GateliftError(message, code="no_scoring_script")
        return found

    def settle(self, live: Live) -> State:
        """Nothing: an existing version has the same content, since its name is a hash of it."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists; raises `Refused` where it has other files, whatever its name says."""
        document = cloud.management.get(self._id(cloud))
        if document is None:
            return None
        properties = document["properties"]
        if (properties.get("properties") or {}).get(CONTENT, self.digest) != self.digest:
            hint = "`az ml code` cannot show who made it: ask in the team, and delete it if nobody needs it"
            raise Refused(f"the code {self.name} exists with other files", hint=hint, code="code_differs")
        return Live(dict(self.desired), owner_of(properties.get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the files to the place that the service gives, then create the version.

        Another stack may create the same version meanwhile: each has files at another place, and the first one wins.
        """
        if self.read(cloud):
            return
        pending = cloud.management.post(
            self._id(cloud) + "/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
        )
        uri = cloud.assets.upload(pending["blobReferenceForConsumption"], self.files, self.folder.name)
        properties = {
            "codeUri": uri,
            "isAnonymous": False,
            "properties": {CONTENT: self.digest},
            "tags": state["tags"],
        }
        try:
            cloud.management.put(self._id(cloud), {"properties": properties})
        except Refused:
            if self.read(cloud) is None:
                raise

    def delete(self, cloud: Cloud) -> None:
        """Delete this version, or archive it."""
        remove_version(cloud, self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("codes", NAME, self.version)
