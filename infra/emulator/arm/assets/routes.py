"""Environments, models and code: containers with versions, in workspaces and in registries."""

import uuid
from typing import Any
from urllib.parse import urlencode

from infra.emulator.arm.assets.rules import KINDS, check_asset_name, checked_properties, with_defaults
from infra.emulator.arm.call import Call, Handler, Routes, envelope
from infra.emulator.arm.workspaces import STORAGE_SUFFIX, account_name, identity_only
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document
from infra.emulator.storage.shared_access import READ_WRITE, SAS_VERSION
from infra.emulator.storage.user_delegation import Place

HASH = "hash_sha256"
HASH_VERSION = "hash_version"


def put_version(call: Call) -> Reply:
    """Create a version, or change tags, description or the archive flag of an existing one."""
    collection = call.address.types[1].lower()
    kind = KINDS[collection]
    name, version = call.address.names[1:3]
    check_asset_name(kind.noun, "name", name)
    check_asset_name(kind.noun, "version", version)
    sent = checked_properties(kind, call.object_body())
    existing = call.world.store.get(call.id)
    properties = with_defaults(kind, sent)
    if existing:
        kept = existing["properties"]
        # What a PUT leaves out is not a change: the SDK sends no modelType when it archives.
        if any(sent.get(field) is not None and sent[field] != kept.get(field) for field in kind.fixed):
            raise ServiceError(
                409,
                "UserError",
                f"A {kind.noun} with this name and version already exists, and it differs. If you are trying to "
                f"create a new {kind.noun}, use a different name or version. To change tags or the description, send "
                f"the {kind.noun} as it is.",
                target=f"{kind.noun} {name}:{version}",
            )
        properties = {**properties, **{field: kept[field] for field in kind.fixed if field in kept}}
    if _in_registry(call) or collection != "models":
        properties["provisioningState"] = "Succeeded"
    document = envelope(call, existing) | {"properties": properties}
    with call.world.store.transaction():
        _update_container(call, version, is_new=existing is None)
        call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, _shown(call, document))


def get_version(call: Call) -> Reply:
    """One version."""
    return Reply(body=_shown(call, call.resource()))


def list_versions(call: Call) -> Reply:
    """The versions of an asset, newest first; code can also be found by its hash, under any name."""
    wanted = call.query.get("hash")
    if wanted and call.address.types[1].lower() == "codes":
        found = _by_hash(call, wanted, call.query.get("hashversion"))
    else:
        found = call.world.store.children(call.id, "versions")
    return Reply(body=_page(call, found))


def delete_version(call: Call) -> Reply:
    """Remove a version; one of an environment only where the settings allow it."""
    _check_deletable(call)
    if not call.world.store.delete(call.id):
        return Reply(204)
    parent = call.address.parent_id()
    container = call.world.store.get(parent)
    rest = call.world.store.children(parent, "versions")
    if container and rest:
        newest = max(rest, key=lambda item: item["systemData"]["createdAt"])
        container["properties"]["latestVersion"] = newest["name"]
        call.world.store.put(parent, container)
    elif container:
        call.world.store.delete(parent)
    return Reply(200)


def get_container(call: Call) -> Reply:
    """The container of an asset's versions."""
    return Reply(body=_shown(call, call.resource()))


def put_container(call: Call) -> Reply:
    """Create or update a container."""
    check_asset_name("asset", "name", call.name)
    sent = call.object_body().get("properties") or {}
    existing = call.world.store.get(call.id)
    defaults: Document = {"description": None, "tags": {}, "properties": {}, "isArchived": False}
    numbers = {"latestVersion": None, "nextVersion": "1"}
    properties = defaults | numbers | (existing or {}).get("properties", {}) | sent
    document = envelope(call, existing) | {"properties": properties}
    call.world.store.put(call.id, document)
    return Reply(200 if existing else 201, _shown(call, document))


def list_containers(call: Call) -> Reply:
    """The containers of one collection."""
    found = call.world.store.children(call.id, call.address.types[-1])
    return Reply(body=_page(call, found))


def delete_container(call: Call) -> Reply:
    """Remove a container with its versions."""
    _check_deletable(call)
    return Reply(200 if call.world.store.delete(call.id) else 204)


def _check_deletable(call: Call) -> None:
    if call.address.types[1].lower() == "environments" and not call.world.settings["delete_environments"]:
        raise ServiceError(
            405, "MethodNotAllowed", f"The requested resource does not support http method '{call.method}'."
        )


def start_pending_upload(call: Call) -> Reply:
    """A new blob container for the files of a version, another one each time, with a shared access signature."""
    return Reply(body=_upload_place(call))


def put_temporary_reference(call: Call) -> Reply:
    """The older form of `startPendingUpload`."""
    return Reply(body=_upload_place(call))


def _upload_place(call: Call) -> Document:
    unique = uuid.uuid4().hex + uuid.uuid4().hex
    container = f"{unique[:8]}-{unique[8:40]}"
    account = account_name(call.workspace_id)
    storage = f"{call.address.scope}/providers/Microsoft.Storage/storageAccounts/{account}"
    call.world.blobs.create_container(container, storage)
    uri = f"{call.world.urls.resource_manager}/blobstore/{account}.blob.{STORAGE_SUFFIX}/{container}"
    reference: Document = {"blobUri": uri, "storageAccountArmId": storage}
    if not identity_only(call.world, call.workspace_id):
        reference["credential"] = _signed(uri, call.world.blobs.shared_access.sas(container))
    elif call.world.settings["identity_uploads_signed"]:
        owner = call.principal.object_id, call.world.tokens.tenant_id
        fields = call.world.blobs.delegation.sas(Place(account, container), owner, READ_WRITE, SAS_VERSION)
        reference["credential"] = _signed(uri, urlencode(fields))
    return {
        "pendingUploadId": None,
        "pendingUploadType": "TemporaryBlobReference",
        "blobReferenceForConsumption": reference,
    }


def _signed(uri: str, signature: str) -> Document:
    return {"credentialType": "SAS", "sasUri": f"{uri}?{signature}"}


def _by_hash(call: Call, wanted: str, hash_version: str | None) -> list[Document]:
    # The SDK invents a new name for every upload of anonymous code, and asks for the hash under that name.
    found = []
    for container in call.world.store.children(call.workspace_id, "codes"):
        for document in call.world.store.children(container["id"], "versions"):
            known = document["properties"].get("properties") or {}
            if known.get(HASH) == wanted and known.get(HASH_VERSION) in (hash_version, None):
                found.append(document)
    return found


def _update_container(call: Call, version: str, *, is_new: bool) -> None:
    id = call.address.parent_id()
    store = call.world.store
    container = store.get(id)
    if container is None:
        head = envelope(call)
        spelled = id.rpartition("/")[2]
        head |= {"id": id, "name": spelled, "type": head["type"].removesuffix("/versions")}
        properties: Document = {"description": None, "tags": {}, "properties": {}, "isArchived": False}
        container = head | {"properties": properties}
    if is_new:
        numbers = [int(item["name"]) for item in store.children(id, "versions") if item["name"].isdecimal()]
        if version.isdecimal():
            numbers.append(int(version))
        container["properties"] |= {"latestVersion": version, "nextVersion": str(max(numbers, default=0) + 1)}
    store.put(id, container)


def _page(call: Call, found: list[Document]) -> Document:
    view = call.query.get("listviewtype", "ActiveOnly").lower().replace("_", "")
    if not view.endswith("all"):
        archived = view.endswith("archivedonly")
        found = [item for item in found if item["properties"].get("isArchived", False) is archived]
    if tags := call.query.get("tags"):
        pairs = [part.partition("=")[::2] for part in tags.split(",")]
        found = [item for item in found if all(_has_tag(item, name, value) for name, value in pairs)]
    descending = not call.query.get("$orderby", "createdtime desc").lower().endswith("asc")
    found.sort(key=lambda item: item.get("systemData", {}).get("createdAt", ""), reverse=descending)
    return {"value": [_shown(call, item) for item in found]}


def _has_tag(item: Document, name: str, value: str) -> bool:
    tags: dict[str, Any] = item["properties"].get("tags") or {}
    return name in tags and (not value or tags[name] == value)


def _in_registry(call: Call) -> bool:
    return call.address.types[0].lower() == "registries"


def _shown(call: Call, document: Document) -> Document:
    """The document as it is answered: assets of a registry have `azureml://` ids."""
    if not _in_registry(call):
        return document
    registry, _, rest = document["id"].partition("/registries/")[2].partition("/")
    return document | {"id": f"azureml://registries/{registry}/{rest}"}


def _routes() -> Routes:
    versions: dict[str, Handler] = {"GET": get_version, "PUT": put_version, "DELETE": delete_version}
    containers: dict[str, Handler] = {"GET": get_container, "PUT": put_container, "DELETE": delete_container}
    routes: Routes = {}
    for home in ("workspaces", "registries"):
        for collection in KINDS:
            base = f"{home}/{{}}/{collection}"
            routes[("GET", base)] = list_containers
            routes[("GET", f"{base}/{{}}/versions")] = list_versions
            routes |= {(method, f"{base}/{{}}"): handler for method, handler in containers.items()}
            routes |= {(method, f"{base}/{{}}/versions/{{}}"): handler for method, handler in versions.items()}
            if collection == "codes" or (home, collection) == ("registries", "models"):  # as documented
                routes[("POST", f"{base}/{{}}/versions/{{}}/startPendingUpload")] = start_pending_upload
        routes[("PUT", f"{home}/{{}}/tempdatarefs/{{}}/versions/{{}}")] = put_temporary_reference
    return routes


ROUTES = _routes()
