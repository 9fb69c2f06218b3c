"""Uploads folders to blob storage; the only module that imports azure-storage.

azure-ai-ml would upload build contexts and models itself, but its storage client accepts no timeouts, so that a network
fault would keep it busy for minutes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.azure.arm import Arm
from infra.azure.workspace import Workspace
from infra.digests import content_digest
from infra.errors import AccessDenied, NotFound

DATASTORE = "workspaceblobstore"
SECRETS_API = (
    "2024-10-01"  # the first stable version that returns a shared access signature instead of the account's key
)
SIGNATURE = {"expirableSecret": True, "expireAfterHours": 1}


@dataclass(frozen=True)
class Uploaded:
    """Where a folder was uploaded: `url` is a blob URL, `uri` a datastore path (`azureml://…`)."""

    url: str
    uri: str


def upload_to_workspace(arm: Arm, workspace: Workspace, folder: Path) -> Uploaded:
    """Upload a folder to the workspace's default datastore, under a path made from a hash of its content."""
    id = f"{workspace.id}/datastores/{DATASTORE}"
    store = (arm.get(id) or {}).get("properties")
    if not store:
        hint = "`az ml workspace diagnose` shows what the workspace lacks"
        raise NotFound(f"the workspace {workspace.name} has no datastore {DATASTORE}", hint=hint)
    container = f"https://{store['accountName']}.blob.{store['endpoint']}/{store['containerName']}"
    files = ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file())
    place = f"LocalUpload/{content_digest(files)}/{folder.name}"
    secret = _secret(arm, id, store)
    upload_folder(
        arm,
        f"{container}?{secret['sasToken'].removeprefix('?')}" if "sasToken" in secret else container,
        folder,
        below=f"{place}/",
        credential=None if "sasToken" in secret else secret.get("key", arm.credential),
    )
    scope = f"subscriptions/{workspace.subscription_id}/resourcegroups/{workspace.resource_group}"
    uri = f"azureml://{scope}/workspaces/{workspace.name}/datastores/{DATASTORE}/paths/{place}"
    return Uploaded(f"{container}/{place}/", uri)


def _secret(arm: Arm, id: str, store: dict[str, object]) -> dict[str, str]:
    """The blob container's signature or account key; empty where the login itself must give access."""
    credentials = store.get("credentials")
    if isinstance(credentials, dict) and credentials.get("credentialsType") == "None":
        return {}
    try:
        return arm.post(f"{id}/listSecrets", SIGNATURE, api_version=SECRETS_API)
    except AccessDenied as error:
        if error.code == "AuthorizationFailed":  # the caller may still have permission to write blobs
            return {}
        raise


def upload_folder(arm: Arm, container_url: str, folder: Path, *, below: str = "", credential: Any = None) -> None:
    """Upload every file of the folder to the blob container, under `below` and its relative path.

    Access is given by the signature in the container's URL, or by `credential`. Raises `GateliftError`s.
    """
    from azure.storage.blob import ContainerClient, ExponentialRetry  # takes 0.7 s, so only when something is uploaded

    from infra.azure.sdk.transport import as_gatelift_errors

    settings: dict[str, Any] = {"connection_timeout": arm.timeouts.connect, "read_timeout": arm.timeouts.request}
    # By default the package waits 15 seconds before its second try.
    settings["retry_policy"] = ExponentialRetry(
        initial_backoff=1, increment_base=2, retry_total=3, random_jitter_range=1
    )
    if arm.ca_bundle:
        settings["connection_verify"] = arm.ca_bundle
    with (
        as_gatelift_errors("upload to the workspace's storage account"),
        ContainerClient.from_container_url(container_url, credential, **settings) as container,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                container.upload_blob(below + path.relative_to(folder).as_posix(), path.read_bytes(), overwrite=True)
