"""Container registries, the upload of a build's source, and runs (2019-04-01): what `az acr build` uses."""

import hashlib
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from infra.emulator.arm.call import Call, Routes, envelope, now
from infra.emulator.arm.container_registries.images import SUFFIX, all_container_registries
from infra.emulator.arm.tags import string_map
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document, key_of
from infra.emulator.storage.blobs import Blobs
from infra.emulator.world import World

REGISTRY_NAME = re.compile(r"[a-zA-Z0-9]{5,50}")
SKUS = ("Basic", "Standard", "Premium")
SHORTEST, LONGEST, DEFAULT = 300, 28_800, 3600  # seconds that a run may take
FILTER = re.compile(r"(?P<field>runId|status)\s+eq\s+'(?P<value>[^']*)'", re.IGNORECASE)
BUILD, OTHER_RUNS = "DockerBuildRequest", ("FileTaskRunRequest", "TaskRunRequest", "EncodedTaskRunRequest")


def add_container_registry(world: World, id: str, head: Document, location: str, sent: Document) -> Document:
    """Create or replace a container registry and the blob container of its sources and logs."""
    name = id.rpartition("/")[2]
    document = head | {
        "location": location,
        "tags": string_map("tags", sent.get("tags")),
        "sku": {"name": sent["sku"]["name"], "tier": sent["sku"]["name"]},
        "properties": {
            "adminUserEnabled": False,
            "publicNetworkAccess": "Enabled",
            **(sent.get("properties") or {}),
            "loginServer": f"{name.lower()}{SUFFIX}",
            "provisioningState": "Succeeded",
        },
    }
    world.store.put(id, document)
    world.blobs.create_container(blob_container(id), id)
    return document


def blob_container(registry_id: str) -> str:
    """The blob container of a registry's sources and logs."""
    return f"acr-{hashlib.sha256(key_of(registry_id).encode()).hexdigest()[:32]}"


def get_registry(call: Call) -> Reply:
    """One registry."""
    return Reply(body=call.resource())


def list_registries(call: Call) -> Reply:
    """The registries of a resource group or of a whole subscription."""
    scope = key_of(call.address.scope)
    found = all_container_registries(call.world)
    return Reply(body={"value": [item for item in found if key_of(item["id"]).startswith(f"{scope}/")]})


def put_registry(call: Call) -> Reply:
    """Create or update a registry."""
    body = call.object_body()
    if not REGISTRY_NAME.fullmatch(call.name):
        raise ServiceError(
            400,
            "InvalidResourceName",
            f"The registry name '{call.name}' is invalid: it must have 5 to 50 letters and digits.",
        )
    sku = body.get("sku")
    if not isinstance(body.get("location"), str) or not isinstance(sku, dict) or sku.get("name") not in SKUS:
        raise ServiceError(400, "InvalidRequest", f"A registry needs a location and a sku: {', '.join(SKUS)}.")
    existing = call.world.store.get(call.id)
    if existing is None and any(r["name"].lower() == call.name.lower() for r in all_container_registries(call.world)):
        raise ServiceError(409, "AlreadyInUse", f"The registry DNS name {call.name.lower()}{SUFFIX} is already in use.")
    location = body["location"].lower().replace(" ", "")
    document = add_container_registry(call.world, call.id, envelope(call, existing), location, body)
    return Reply(200 if existing else 201, document)


def delete_registry(call: Call) -> Reply:
    """Remove a registry with its runs."""
    return Reply(200 if call.world.store.delete(call.id) else 204)


def list_build_source_upload_url(call: Call) -> Reply:
    """Where to put the source of a build, as a tar archive."""
    registry = call.resource()
    path = f"source/{datetime.now(UTC):%Y%m%d}0000/{uuid.uuid4()}.tar.gz"
    return Reply(body={"relativePath": path, "uploadUrl": _signed(call, registry["id"], path)})


def schedule_run(call: Call) -> Reply:
    """Queue a build."""
    registry, sent = call.resource(), call.object_body()
    _check(sent)
    number = len(call.world.store.children(registry["id"], "runs")) + 1
    run_id = f"ca{number}"
    id = f"{registry['id']}/runs/{run_id}"
    properties = {
        "runId": run_id,
        "status": "Queued",
        "runType": "QuickBuild",
        "provisioningState": "Succeeded",
        "createTime": now(),
        "lastUpdatedTime": now(),
        "outputImages": [],
        "platform": sent["platform"],
        "isArchiveEnabled": bool(sent.get("isArchiveEnabled", False)),
    }
    document = {"id": id, "name": run_id, "type": f"{registry['type']}/runs", "properties": properties}
    fault = call.world.faults.operation(call.method, call.path)
    with call.world.store.transaction():
        call.world.store.put(id, document)
        call.world.operations.start("run-build", id, fault=fault, request=sent)
    return Reply(body=document)


def list_runs(call: Call) -> Reply:
    """The runs of a registry, newest first."""
    found = call.world.store.children(call.resource()["id"], "runs")
    found.sort(key=lambda run: int(run["name"][2:]), reverse=True)
    if text := call.query.get("$filter"):
        match = FILTER.fullmatch(text.strip())
        if match is None:
            raise ServiceError(501, "NotImplemented", f"The emulator does not know the filter '{text}' of runs.")
        name = "runId" if match["field"].lower() == "runid" else "status"
        found = [run for run in found if run["properties"][name].lower() == match["value"].lower()]
    return Reply(body={"value": found})


def get_run(call: Call) -> Reply:
    """One run."""
    return Reply(body=call.resource())


def list_log_sas_url(call: Call) -> Reply:
    """The address of a run's log; the log may not be there yet."""
    run = call.resource()
    return Reply(body={"logLink": _signed(call, call.address.parent_id(), log_blob(run["name"]))})


def log_blob(run_id: str) -> str:
    """The blob of a run's log."""
    return f"logs/{run_id}/rawtext.log"


def write_log(blobs: Blobs, run: Document, text: str, complete: str = "") -> None:
    """Write a run's log; `complete` is how it ended, empty while it runs."""
    container = blob_container(run["id"].rsplit("/", 2)[0])
    metadata = {"Complete": complete} if complete else {}
    blobs.put(container, log_blob(run["name"]), text.encode(), content_type="text/plain", metadata=metadata)


def _check(sent: dict[str, Any]) -> None:
    kind = sent.get("type")
    if kind in OTHER_RUNS:
        raise ServiceError(501, "NotImplemented", f"The emulator does not know runs of the type '{kind}'.")
    if kind != BUILD:
        raise _wrong(f"The type '{kind}' of a run is unknown.", "type")
    if not isinstance(sent.get("dockerFilePath"), str) or not sent["dockerFilePath"]:
        raise _wrong("The dockerFilePath field is required.", "dockerFilePath")
    platform = sent.get("platform")
    if not isinstance(platform, dict) or platform.get("os") not in ("Linux", "Windows"):
        raise _wrong("The platform needs an os: Linux or Windows.", "platform.os")
    if not isinstance(sent.get("sourceLocation"), str) or not sent["sourceLocation"]:
        raise _wrong("The sourceLocation field is required.", "sourceLocation")
    seconds = sent.get("timeout", DEFAULT)
    if type(seconds) is not int or not SHORTEST <= seconds <= LONGEST:
        raise _wrong(f"The timeout must be from {SHORTEST} to {LONGEST} seconds, not {seconds!r}.", "timeout")
    names = sent.get("imageNames", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise _wrong("The imageNames field must be a list of names.", "imageNames")


def _signed(call: Call, registry_id: str, path: str) -> str:
    container = blob_container(registry_id)
    account = f"{container[:24].replace('-', '')}.blob.core.windows.net"
    signature = call.world.blobs.shared_access.sas(container)
    return f"{call.world.urls.resource_manager}/blobstore/{account}/{container}/{path}?{signature}"


def _wrong(message: str, target: str) -> ServiceError:
    return ServiceError(400, "InvalidRunRequest", message, target=target)


ROUTES: Routes = {
    ("GET", "registries"): list_registries,
    ("GET", "registries/{}"): get_registry,
    ("PUT", "registries/{}"): put_registry,
    ("DELETE", "registries/{}"): delete_registry,
    ("POST", "registries/{}/listBuildSourceUploadUrl"): list_build_source_upload_url,
    ("POST", "registries/{}/scheduleRun"): schedule_run,
    ("GET", "registries/{}/runs"): list_runs,
    ("GET", "registries/{}/runs/{}"): get_run,
    ("POST", "registries/{}/runs/{}/listLogSasUrl"): list_log_sas_url,
}
