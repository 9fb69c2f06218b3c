"""The workspace's own blob container (its default datastore), and what opens it."""

import base64
import hmac
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from infra.azure.arm import Arm
from infra.azure.workspace import Workspace
from infra.errors import AccessDenied, GateliftError, NotFound

DATASTORE = "workspaceblobstore"
SECRETS_API = (
    "2024-10-01"  # the first stable version that returns a shared access signature instead of the account's key
)
SIGNATURE = {"expirableSecret": True, "expireAfterHours": 1}
SIGNED_VERSION = "2021-08-06"
DATASTORE_PATH = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)",
    re.IGNORECASE,
)
NOT_SIGNED = [""] * 7  # snapshot, encryption scope and five headers of the answer


class Container(Struct, frozen=True):
    """A blob container: its URL, and a signature or the account's key; neither means that the login gives access."""

    url: str
    account: str
    signature: str = ""
    key: str = ""


def workspace_container(arm: Arm, workspace: Workspace) -> Container:
    """The container of the workspace's default datastore, and what opens it; raises `NotFound` where there is none."""
    store = _datastore(arm, workspace, DATASTORE)
    secret = _secret(arm, f"{workspace.id}/datastores/{DATASTORE}", store)
    signature = str(secret.get("sasToken", "")).removeprefix("?")
    return Container(_url(store), str(store["accountName"]), signature, str(secret.get("key", "")))


def datastore_path(workspace: Workspace, path: str) -> str:
    """The `azureml://` path of a file or folder in the workspace's default datastore."""
    scope = f"subscriptions/{workspace.subscription_id}/resourcegroups/{workspace.resource_group}"
    return f"azureml://{scope}/workspaces/{workspace.name}/datastores/{DATASTORE}/paths/{path}"


def blob_url(arm: Arm, workspace: Workspace, uri: str) -> str:
    """The `https` URL of what an `azureml://` path of one of the workspace's datastores names."""
    match = DATASTORE_PATH.fullmatch(uri.rstrip("/"))
    if not match or (match["workspace"] or workspace.name).lower() != workspace.name.lower():
        hint = f"a path such as {datastore_path(workspace, 'FOLDER')} is expected"
        raise GateliftError(f"{uri} is in no datastore of the workspace {workspace.name}", hint=hint, code="no_blob")
    store = _datastore(arm, workspace, match["datastore"])
    return f"{_url(store)}/{match['path']}"


def _datastore(arm: Arm, workspace: Workspace, name: str) -> dict[str, Any]:
    store: dict[str, Any] = (arm.get(f"{workspace.id}/datastores/{name}") or {}).get("properties") or {}
    if not store:
        hint = "`az ml workspace diagnose` shows what the workspace lacks"
        raise NotFound(f"the workspace {workspace.name} has no datastore {name}", hint=hint)
    return store


def _url(store: dict[str, Any]) -> str:
    return f"https://{store['accountName']}.blob.{store['endpoint']}/{store['containerName']}"


def _secret(arm: Arm, id: str, store: dict[str, Any]) -> dict[str, Any]:
    """The container's signature or account key; empty where the login itself must give access."""
    credentials = store.get("credentials")
    if isinstance(credentials, dict) and credentials.get("credentialsType") == "None":
        return {}
    try:
        return arm.post(f"{id}/listSecrets", SIGNATURE, api_version=SECRETS_API)
    except AccessDenied as error:
        if error.code == "AuthorizationFailed":  # the caller may still have permission to write blobs
            return {}
        raise


def sign(container: Container, now: datetime, version: str = SIGNED_VERSION) -> str:
    """A shared access signature for an hour, made with the account's key.

    https://learn.microsoft.com/rest/api/storageservices/create-service-sas
    """
    name = container.url.rpartition("/")[2]
    expiry = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"sp": "racwdl", "se": expiry, "spr": "https", "sv": version, "sr": "c"}
    resource = f"/blob/{container.account}/{name}"
    lines = [fields["sp"], "", expiry, resource, "", "", "https", version, "c", *NOT_SIGNED]
    digest = hmac.digest(base64.b64decode(container.key), "\n".join(lines).encode(), "sha256")
    return urlencode(fields | {"sig": base64.b64encode(digest).decode()})
