"""Looks whether the files of a model are still in the workspace's storage."""

from collections.abc import Sequence

from infra.azure.arm import Arm
from infra.azure.cloud import SourceFile
from infra.azure.storage.transfer.service import Service
from infra.azure.workspace import Workspace
from infra.errors import GateliftError
from infra.model_files import MANIFEST


def lacking(arm: Arm, workspace: Workspace, files: Sequence[SourceFile], folder: str) -> str:
    """The first file that a folder lacks or has with another size, its manifest included; empty for none.

    Empty, too, where nobody can say, since an upload needs no permission to list.
    """
    service = Service(arm, workspace)
    try:
        there = service.list(folder)
    except GateliftError:
        return ""
    finally:
        service.close()
    if f"{folder}/{MANIFEST}" not in there:
        return MANIFEST
    sizes = {name: found.size for name, found in there.items()}
    return next((file.name for file in files if sizes.get(f"{folder}/{file.name}") != file.size), "")
