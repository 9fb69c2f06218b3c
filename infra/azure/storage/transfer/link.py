"""Shows the emulator a folder of this machine, whose files it then reads where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from infra.azure.arm import Arm
from infra.azure.cloud import SourceFile
from infra.azure.storage.datastore import datastore_path, workspace_container
from infra.azure.storage.transfer.manifest import manifest
from infra.azure.storage.uploads import Place, put
from infra.azure.workspace import Workspace
from infra.model_files import MANIFEST
from infra.portal import Portal


class Link(Struct, frozen=True):
    """Which files of a folder appear in which folder of the datastore."""

    folder: Path
    files: Sequence[SourceFile]
    into: str
    about: Mapping[str, str]


def link(arm: Arm, workspace: Workspace, portal: Portal, asked: Link) -> str:
    """Make the link and write the manifest beside it; returns the folder's `azureml://` path."""
    container = workspace_container(arm, workspace)
    names = [file.name for file in asked.files]
    body = {"container": container.url.rpartition("/")[2], "prefix": asked.into, "folder": str(asked.folder.resolve())}
    portal.link_blobs({**body, "files": names})
    place = Place(container.url, asked.into, container.signature, container.key)
    put(arm, place, MANIFEST, manifest(asked.files, asked.about))
    return datastore_path(workspace, asked.into)
