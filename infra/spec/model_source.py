"""The spec's `model`: where a model's files come from, and the adapters that are served beside it."""

import os.path
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Self

from msgspec import Meta

from infra.spec.check import Written
from infra.spec.names import AdapterName, ModelAsset, ModelId, RuleBroken, is_registry_model

NotEmpty = Annotated[str, Meta(min_length=1)]
SOURCES = ("id", "path", "asset")
ONE_SOURCE = (
    "`id: org/name` takes it from the Hub, `path: ./folder` from this machine, `asset: azureml:NAME:VERSION` from the "
    "workspace"
)
# A folder of the Hub's cache, as huggingface_hub lays it out.
SNAPSHOT = re.compile(r".*/models--(?P<id>[^/]+)/snapshots/(?P<commit>[^/]+)/*")
ASSET_NAME = re.compile(r"azureml:(//registries/[^/]+/models/)?(?P<name>[^:@/]+)")
Path_ = Annotated[NotEmpty | None, Meta(description="Folder with config.json and the weights, relative to this file")]
Asset_ = Annotated[
    ModelAsset | None,
    Meta(description="Model asset with the weights: `azureml:NAME:VERSION`, or of a registry `azureml://registries/…`"),
]


class _Sourced(Written, frozen=True, kw_only=True):
    """What comes from exactly one place."""

    id: Annotated[
        ModelId | None,
        Meta(description="Hub id such as `org/name`, or a registry model `azureml://registries/…/models/…`"),
    ] = None
    path: Path_ = None
    asset: Asset_ = None
    revision: Annotated[
        NotEmpty | None,
        Meta(description="Commit, branch or tag, pinned to the commit it means; the default branch by default"),
    ] = None

    def check(self, written: Collection[str]) -> None:
        """Exactly one source is given; only the Hub has revisions."""
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1 and not set(SOURCES) - set(given) & set(written):
            what = (
                f"has {' and '.join(given)}, but one of them is enough" if given else "has none of id, path and asset"
            )
            raise RuleBroken(what, ONE_SOURCE)
        if self.revision and not self.id:
            raise RuleBroken("revision goes with `id` alone: only the Hub has revisions", "delete it")

    def in_folder(self, folder: Path) -> Self:
        """The same with an absolute path."""
        # The name stays the one that is written, also where it is a link to another folder.
        return self.but(path=os.path.abspath(folder / Path(self.path).expanduser())) if self.path else self


class AdapterSpec(_Sourced, frozen=True, kw_only=True):
    """A LoRA adapter, served beside the model under a name of its own."""

    name: Annotated[AdapterName, Meta(description="Model name under which clients ask for it")]

    def check(self, written: Collection[str]) -> None:
        """An adapter's files can be read by every container: not those of a registry."""
        super().check(written)
        for source in (self.id, self.asset):
            if is_registry_model(source or ""):
                raise RuleBroken(
                    f"the adapter {self.name!r} is of a registry: Azure mounts one model asset only, the model's own",
                    "register it in the workspace (`az ml model create`) and write `asset: azureml:NAME:VERSION`, or "
                    "give its folder in `path`",
                )


class ModelSpec(_Sourced, frozen=True, kw_only=True):
    """The model: where it comes from, and under which name it is served."""

    served_name: Annotated[
        NotEmpty | None, Meta(description="Model name that clients use; the Hub id, or the folder's name, by default")
    ] = None
    mirror: Annotated[
        bool, Meta(description="Copy the Hub's files into the workspace, so that containers need neither Hub nor token")
    ] = False
    adapters: tuple[AdapterSpec, ...] = ()

    def check(self, written: Collection[str]) -> None:
        """Names are given once; a registry model of `id` brings its own container."""
        super().check(written)
        names = [adapter.name for adapter in self.adapters]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise RuleBroken(f"two adapters are called {twice!r}", "give each a name of its own")
        if self.name in names:
            raise RuleBroken(f"an adapter is called {self.name!r}, as the model itself", "give it another name")
        if self.brings_container and (self.mirror or self.adapters):
            raise RuleBroken(
                "a registry model in `id` comes with its own container: mirror and adapters cannot be set",
                "delete them, or serve its weights with gatelift's server: `asset: azureml://registries/…`",
            )

    @property
    def label(self) -> str:
        """What people call it: the Hub id, the folder's name, or the asset's name; a snapshot of the Hub has its id."""
        if self.id is not None:
            return self.id
        if self.path is not None:
            snapshot = SNAPSHOT.fullmatch(self.path)
            return snapshot["id"].replace("--", "/") if snapshot else Path(self.path).name or "model"
        match = ASSET_NAME.match(self.asset or "")
        return match["name"] if match else "model"

    @property
    def name(self) -> str:
        """The model name that clients use."""
        return self.served_name or self.label

    @property
    def brings_container(self) -> bool:
        """Whether it is a registry model that comes with a container of its own, which gatelift only deploys."""
        return is_registry_model(self.id or "")

    @property
    def hub_id(self) -> str:
        """Its id on the Hub; empty where it does not come from there."""
        return "" if self.brings_container else self.id or ""

    @property
    def hub_ids(self) -> list[str]:
        """The ids on the Hub of the model and of its adapters, as far as they come from there."""
        return [id for id in (self.hub_id, *(adapter.id for adapter in self.adapters)) if id]

    def in_folder(self, folder: Path) -> Self:
        """The same with absolute paths."""
        moved = super().in_folder(folder)
        return moved.but(adapters=tuple(adapter.in_folder(folder) for adapter in self.adapters))
