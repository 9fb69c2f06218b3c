"""Weights as an Azure ML model version: uploaded from a folder or copied from the Hub once, shared by all stacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from infra.azure.cloud import Cloud, Follower, SourceFile
from infra.errors import NotReady, Refused
from infra.resources.asset_versions import remove_version
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.spec.names import catalog_name

CONTENT = "gatelift_weights"  # the property with the hash of the files, or with the Hub's commit
BYTES, FACTS = "gatelift_bytes", "gatelift_facts"  # the properties with their size, and with what is known of them
GOING = "gatelift_going"  # the tag of a version whose files are being deleted
PLACE = "gatelift/weights"  # in the workspace's default datastore
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
    size: int
    """The bytes of all files."""
    folder: Path | None = None
    """Where the files are on this machine; None for those of the Hub."""
    token: str = field(default="", repr=False)
    """What opens the Hub for the copy; empty where it is open."""
    facts: str = ""
    """What is known of the model, as JSON, for whoever cannot ask the Hub later."""
    local: bool = False
    """Whether the emulator reads a folder's files where they are."""
    needs_token: bool = False
    variant: str = ""
    """The `load_format` for which these files of a model were chosen, where it needs other ones than most."""
    note: str = ""
    """What a plan says beside the size."""
    sent: list[str] = field(default_factory=list, repr=False, compare=False)
    """The address of the folder, once the files are there."""
    ways: list[str] = field(default_factory=list, repr=False, compare=False)
    """How the files came, where that is not the usual way."""

    kind: ClassVar[str] = "weights"
    shared: ClassVar[bool] = True

    @property
    def asset(self) -> str:
        """The name of the model asset."""
        return asset_of(self.label, self.variant)

    @property
    def version(self) -> str:
        """The first twelve digits of the content."""
        return self.content[:12]

    @property
    def name(self) -> str:
        """`NAME:VERSION`."""
        return f"{self.asset}:{self.version}"

    @property
    def place(self) -> str:
        """The folder of the files in the default datastore."""
        return f"{PLACE}/{self.asset}/{self.version}/{FOLDER}"

    @property
    def of_hub(self) -> bool:
        """Whether the files come from the Hub."""
        return self.folder is None

    @cached_property
    def desired(self) -> State:
        """The version in the words of Azure ML YAML."""
        state: State = {
            "name": self.asset,
            "version": self.version,
            "type": "custom_model",
            "properties": {CONTENT: self.content, BYTES: str(self.size), FACTS: self.facts},
            "tags": {"modelId": self.label, "revision": self.content} if self.of_hub else {},
        }
        return owned(state, self.stack)

    @property
    def remark(self) -> str:
        """How much is sent, and how."""
        how = "read where they are" if self.local else f"to upload; {KEPT}"
        if self.of_hub:
            how = f"to copy from the Hub; {KEPT}"
            if self.needs_token and not self.token:
                how += "; the copy alone needs HF_TOKEN"
        return _joined(f"{in_words(self.size)} in {len(self.files)} files {how}", self.note)

    @property
    def outcome(self) -> str:
        """How the files came, where that is not the usual way."""
        return _joined(*self.ways)

    def remark_on(self, live: Live) -> str:
        """How much is there."""
        return _joined(f"{in_words(self.size)}, there already", self.note)

    def settle(self, live: Live) -> State:
        """Nothing: an existing version has the same content, since its name is a hash of it."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version; None where it does not exist, is archived or being deleted.

        Raises `Refused` where it has other files.
        """
        document = cloud.management.get(self._id(cloud))
        if document is None or document["properties"].get("isArchived"):
            return None
        properties = document["properties"]
        if _is_going(document):
            return None
        if (properties.get("properties") or {}).get(CONTENT) != self.content:
            hint = f"`az ml model show --name {self.asset} --version {self.version}` may tell who made it"
            raise Refused(f"the model {self.name} exists with other files", hint=hint, code="weights_differ")
        return Live(dict(self.desired), owner_of(properties.get("tags")), "Succeeded", document)

    def bring(self, cloud: Cloud) -> None:
        """Send the files, unless the version is there: others may do so at the same time, and nobody waits for it.

        Where somebody has deleted files of a version that is there, they are sent again. While gatelift deletes them,
        they are sent only in `create`, under the lock of what stacks share.
        """
        document = cloud.management.get(self._id(cloud))
        if document is not None and _is_going(document):
            return
        if self.read(cloud) is None:
            self.sent.append(self._send(cloud))
        elif gone := cloud.assets.lacking(self.files, self.place):
            cloud.reporter.note(f"the weights {self.name} lack {gone} in the workspace's storage: sent again")
            self._send(cloud)

    def create(self, cloud: Cloud, state: State) -> None:
        """Create the version once all files are there, so that a version is always complete."""
        properties: dict[str, Any] = {
            "modelType": state["type"],
            "modelUri": self.sent[-1] if self.sent else self._send(cloud),
            "isAnonymous": False,
            "isArchived": False,
            "properties": state["properties"],
            "tags": state["tags"],
        }
        cloud.management.put(self._id(cloud), {"properties": properties})

    def _send(self, cloud: Cloud) -> str:
        """Bring what is not there yet; returns the address of the folder."""
        about = {"model": self.label, "revision": self.content if self.of_hub else ""}
        if not self.files:
            message = (
                f"files of the copy {self.name} were deleted, and the Hub was not asked for them or does not answer"
            )
            archive = f"`az ml model archive --name {self.asset} --version {self.version}`"
            hint = f"once the Hub answers: {archive}, then run this again"
            raise NotReady(message, hint=hint, code="hub_unreachable")
        if self.local and self.folder:
            return cloud.assets.link(self.folder, self.files, self.place, about=about)

        def progress(done: int, total: int) -> None:
            cloud.reporter.progress(self.kind, self.name, done, total)

        follower = Follower(progress, cloud.reporter.note, self.ways.append)
        return cloud.assets.send(self.files, self.place, about=about, token=self.token, follower=follower)

    def delete(self, cloud: Cloud) -> None:
        """Delete this version, or archive it."""
        remove_version(cloud, self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("models", self.asset, self.version)


def asset_of(label: str, variant: str = "") -> str:
    """The name of the asset with the weights of a model; `variant` is a `load_format` that needs files of its own."""
    return f"{catalog_name(label)}{'-' if variant else ''}{variant}-weights"


def _is_going(document: Mapping[str, Any]) -> bool:
    """Whether somebody is deleting the files of a version, or was killed while doing so."""
    return GOING in (document["properties"].get("tags") or {})


def in_words(size: int) -> str:
    """A size in bytes as people say it: `2.1 GB`, `270 MB`, `12 kB`."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}" if size < 10 * bytes_ else f"{size / bytes_:.0f} {unit}"
    return f"{size} bytes"


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
