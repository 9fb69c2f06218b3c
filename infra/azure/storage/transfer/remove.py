"""Deletes the files of a folder in the workspace's storage."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from infra.azure.arm import Arm
from infra.azure.storage.blob_errors import as_gatelift_errors
from infra.azure.storage.datastore import DATASTORE_PATH, workspace_container
from infra.azure.storage.uploads import KEYS_REFUSED, Place, open_container
from infra.azure.workspace import Workspace
from infra.errors import AccessDenied, GateliftError
from infra.parallel import together

AT_ONCE = 16


def remove(arm: Arm, workspace: Workspace, uri: str) -> None:
    """Delete the blobs below a folder of the default datastore; raises `GateliftError` for any other place."""
    match = DATASTORE_PATH.fullmatch(uri.rstrip("/"))
    if match is None:
        raise GateliftError(f"{uri} is in no datastore, so nothing was deleted there", code="no_blob")
    container = workspace_container(arm, workspace)
    place = Place(container.url, match["path"], container.signature, container.key)
    try:
        _remove(arm, place)
    except AccessDenied as error:
        if error.code != KEYS_REFUSED or not (place.signature or place.key):
            raise
        _remove(arm, replace(place, signature="", key=""))


def _remove(arm: Arm, place: Place) -> None:
    with open_container(arm, place) as container, as_gatelift_errors("delete files in the workspace's storage account"):
        names = [blob.name for blob in container.list_blobs(name_starts_with=f"{place.folder}/")]
        for start in range(0, len(names), AT_ONCE):
            together([partial(container.delete_blob, name) for name in names[start : start + AT_ONCE]])
