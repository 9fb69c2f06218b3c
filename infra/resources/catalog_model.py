"""The model's entry in the catalog of the workspace or of a registry: a model card and tags, no weights."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from infra.azure.cloud import Cloud
from infra.resources.asset_versions import remove_version
from infra.resources.base import Live, Resource, State, merged_tags, owned
from infra.resources.catalog_home import (
    IN_A_REGISTRY,
    IN_A_WORKSPACE,
    WORKSPACE_TAG,
    entry_id,
    home_id,
    is_registry,
    own_place,
    owner_here,
)
from infra.resources.model_card import ModelCard

INVISIBLE_UNTIL = "invisibleUntil"
WEIGHTS = "weights"  # the tag with the model version that deployments of the entry mount
CARD = "gatelift_card"
COPIED = (
    "description",
    "isAnonymous",
    "isArchived",
    "modelType",
    "modelUri",
    "flavors",
    "stage",
    "jobName",
    "properties",
)


@dataclass(frozen=True)
class CatalogModel(Resource):
    """A `custom_model` version whose only file is the model card; what people search for is in its tags."""

    model: str
    content: ModelCard
    stack: str
    tags: tuple[tuple[str, str], ...] = ()
    description: str = ""
    version: str = ""
    registry: str = ""
    """A registry's name or id; empty for the workspace."""
    take_over: bool = False

    kind: ClassVar[str] = "model"
    updatable: ClassVar[frozenset[str]] = frozenset({"tags", "description"})
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """`NAME:VERSION`."""
        return f"{self.model}:{self.chosen_version}"

    @property
    def chosen_version(self) -> str:
        """The spec's version, or else the card's own, which is a hash."""
        return self.version or self.content.version

    @property
    def card(self) -> str:
        """The text of the model card; this renders it."""
        return self.content.text

    @property
    def remark(self) -> str:
        """What its tag does not do."""
        if INVISIBLE_UNTIL not in dict(self.tags):
            return ""
        return IN_A_REGISTRY if self.registry else IN_A_WORKSPACE

    @cached_property
    def desired(self) -> State:
        """The entry in the words of Azure ML YAML."""
        state: State = {
            "name": self.model,
            "version": self.chosen_version,
            "type": "custom_model",
            "properties": {CARD: self.content.version},
            "tags": dict(self.tags),
        }
        if self.description:
            state["description"] = self.description
        return owned(state, self.stack)

    def settle(self, live: Live) -> State:
        """Only the stack that made the entry keeps it up to date; other stacks leave it as it is."""
        if self.is_of_others(live) and not self.take_over:
            return {}
        if CARD not in live.state["properties"] and self._has_lost_tags(live):
            return {**self.desired, "properties": {}}
        return self.desired

    def is_of_others(self, live: Live) -> bool:
        """Whether another stack or a person made it; one of gatelift's whose tags somebody wiped is nobody's."""
        return live.owner != self.stack and not self._has_lost_tags(live)

    def _has_lost_tags(self, live: Live) -> bool:
        """Whether gatelift made it and somebody wrote it without tags; nobody else names a version after the card."""
        return lost_tags(live) or not (live.owner or self.version)

    def takes_over(self, live: Live) -> bool:
        """Whether it is of others and the spec says `take_over`."""
        return self.take_over and self.is_of_others(live)

    def remark_on(self, live: Live) -> str:
        """Whether somebody wiped its tags, so that a hidden entry is visible."""
        return "its tags were lost, with the time until which it is hidden" if self._has_lost_tags(live) else ""

    def read(self, cloud: Cloud) -> Live | None:
        """The version; None where it does not exist."""
        document = cloud.management.get(self._id(cloud))
        return None if document is None else live_model(cloud, document, self.model, self.chosen_version)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the card and create the version."""
        id = self._id(cloud)
        made_in = {WORKSPACE_TAG: own_place(cloud)} if is_registry(id) else {}
        properties = {
            "modelType": state["type"],
            "modelUri": self._upload_card(cloud, id),
            "isAnonymous": False,
            "isArchived": False,
            "properties": state["properties"],
            "tags": {**state["tags"], **made_in},
            "description": state.get("description"),
        }
        put_version(cloud, id, {name: value for name, value in properties.items() if value is not None})

    def _upload_card(self, cloud: Cloud, id: str) -> str:
        """Upload the card; returns the address of its folder.

        Azure documents pending uploads of models for registries only, and azure-ai-ml downloads a workspace's models
        from its datastores.
        """
        with tempfile.TemporaryDirectory(prefix="gatelift-card-") as temporary:
            card = Path(temporary, "README.md")
            card.write_text(self.card, encoding="utf-8")
            files = [(card.name, card)]
            if not is_registry(id):
                return cloud.assets.upload_to_workspace(files, self.model)
            pending = cloud.management.post(f"{id}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})
            return cloud.assets.upload(pending["blobReferenceForConsumption"], files, self.model)

    def update(self, cloud: Cloud, live: Live, state: State) -> None:
        """Change tags and description; everything else is sent back unchanged."""
        tags = merged_tags(live.state.get("tags"), state["tags"])
        write_model(cloud, self._id(cloud), live, {"tags": tags, "description": state.get("description")})

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """A version's content never changes."""
        return "the model card has changed: give catalog.version another value, or leave it out"

    def delete(self, cloud: Cloud) -> None:
        """Delete this version, or archive it."""
        remove_version(cloud, self._id(cloud))

    def _id(self, cloud: Cloud) -> str:
        return entry_id(home_id(cloud, self.registry), self.model, self.chosen_version)


def lost_tags(live: Live) -> bool:
    """Whether gatelift made the entry and somebody wrote it without tags since."""
    return not live.owner and CARD in live.state.get("properties", {})


def live_model(cloud: Cloud, document: dict[str, Any], name: str, version: str) -> Live:
    """Azure's document of a model version as a `Live`."""
    properties = document.get("properties", {})
    state: State = {
        "name": name,
        "version": version,
        "type": properties.get("modelType"),
        "description": properties.get("description"),
        "properties": dict(properties.get("properties") or {}),
        "tags": dict(properties.get("tags") or {}),
    }
    return Live(state, owner_here(cloud, state["tags"]), "Succeeded", document)


def write_model(cloud: Cloud, id: str, live: Live, changes: dict[str, Any]) -> None:
    """Write a model version with some fields changed; the rest goes back losslessly."""
    before = live.document.get("properties", {})
    kept = {name: before[name] for name in COPIED if before.get(name) is not None}
    put_version(cloud, id, {**kept, **changes})


def put_version(cloud: Cloud, id: str, properties: dict[str, Any]) -> None:
    """Write a version and wait until it is there: in a registry that takes a while, in a workspace it does not."""
    body = {"properties": properties}
    if is_registry(id):
        cloud.poller.wait(cloud.management.begin_put(id, body))
    else:
        cloud.management.put(id, body)
