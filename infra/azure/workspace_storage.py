"""The workspace's own blob container, as the target of uploads.

azure-ai-ml would upload build contexts and models itself, but its storage client takes no waits from outside: a fault
there keeps it busy for minutes.
"""

from dataclasses import dataclass
from pathlib import Path

from infra.azure.arm import Arm
from infra.azure.uploads import upload_folder
from infra.azure.workspace import Workspace
from infra.digests import content_digest
from infra.errors import AccessDenied, NotFound

DATASTORE = "workspaceblobstore"
SECRETS_API = "2024-10-01"  # the first stable version that gives a signature and not the account's key
SIGNATURE = {"expirableSecret": True, "expireAfterHours": 1}


@dataclass(frozen=True)
class Uploaded:
    """Where a folder lies: `url` for whoever reads blobs, `uri` for whoever reads datastores."""

    url: str
    uri: str


def upload_to_workspace(arm: Arm, workspace: Workspace, folder: Path) -> Uploaded:
    """Upload a folder to a place named by its content: the same files lie there once."""
    id = f"{workspace.id}/datastores/{DATASTORE}"
    store = (arm.get(id) or {}).get("properties")
    if not store:
        hint = "`az ml workspace diagnose` says what the workspace lacks"
        raise NotFound(f"the workspace {workspace.name} has no datastore {DATASTORE}", hint=hint)
    container = f"https://{store['accountName']}.blob.{store['endpoint']}/{store['containerName']}"
    files = ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file())
    place = f"LocalUpload/{content_digest(files)}/{folder.name}"
    secret = _secret(arm, id, store)
    upload_folder(
        f"{container}?{secret['sasToken'].removeprefix('?')}" if "sasToken" in secret else container,
        folder,
        below=f"{place}/",
        credential=None if "sasToken" in secret else secret.get("key", arm.credential),
        ca_bundle=arm.ca_bundle,
        timeouts=arm.timeouts,
    )
    scope = f"subscriptions/{workspace.subscription_id}/resourcegroups/{workspace.resource_group}"
    uri = f"azureml://{scope}/workspaces/{workspace.name}/datastores/{DATASTORE}/paths/{place}"
    return Uploaded(f"{container}/{place}/", uri)


def _secret(arm: Arm, id: str, store: dict[str, object]) -> dict[str, str]:
    """What opens the container; nothing where the login itself has to."""
    credentials = store.get("credentials")
    if isinstance(credentials, dict) and credentials.get("credentialsType") == "None":
        return {}
    try:
        return arm.post(f"{id}/listSecrets", SIGNATURE, api_version=SECRETS_API)
    except AccessDenied as error:
        if error.code == "AuthorizationFailed":  # who may not read the secret may still write blobs
            return {}
        raise
