"""Sends the files of a model, and its manifest last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.azure.arm import Arm
from infra.azure.cloud import Progress, SourceFile
from infra.azure.storage.datastore import datastore_path, workspace_container
from infra.azure.storage.transfer.manifest import MANIFEST, manifest
from infra.azure.storage.uploads import Place, put, upload
from infra.azure.workspace import Workspace


class Order:
    """What to send where."""

    def __init__(self, files: Sequence[SourceFile], folder: str, about: Mapping[str, str], token: str) -> None:
        self.files, self.folder, self.about, self.token = files, folder.strip("/"), about, token


def send(arm: Arm, workspace: Workspace, order: Order, progress: Progress) -> str:
    """Bring the files into the workspace's default datastore; returns the folder's `azureml://` path."""
    container = workspace_container(arm, workspace)
    place = Place(container.url, order.folder, container.signature, container.key, True)
    total = sum(file.size for file in order.files)
    done = 0
    for file in order.files:
        if file.path is not None:
            upload(arm, place, [(file.name, file.path)])
        done += file.size
        progress(done, total)
    put(arm, place, MANIFEST, manifest(order.files, order.about))
    return datastore_path(workspace, order.folder)
