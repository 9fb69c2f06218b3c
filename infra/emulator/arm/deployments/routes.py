"""Deployments of online endpoints: the resource, its logs and its SKUs."""

from infra.emulator.arm.call import Call, Routes, envelope, invalid
from infra.emulator.arm.deployments.rules import (
    MAX_INSTANCES,
    check_capacity,
    check_create_only,
    check_creator,
    check_endpoint_is_free,
    check_limits,
    check_references,
    check_shape,
    check_size,
    with_defaults,
)
from infra.emulator.arm.endpoints.rules import check_name, merged_properties
from infra.emulator.arm.endpoints.work import BUSY
from infra.emulator.arm.operations import accepted, operation_url
from infra.emulator.arm.quota.vm_sizes import vm_size
from infra.emulator.arm.tags import checked_tags
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document

CONTAINERS = ("InferenceServer", "StorageInitializer", "ModelDataCollector")
DEFAULT_TAIL = 100


def get_deployment(call: Call) -> Reply:
    """One deployment."""
    return Reply(body=call.resource())


def list_deployments(call: Call) -> Reply:
    """The deployments of an endpoint."""
    return Reply(body={"value": call.world.store.children(call.id, "deployments")})


def put_deployment(call: Call) -> Reply:
    """Create or update a deployment."""
    body = call.object_body()
    sent = check_shape(body)
    existing = call.world.store.get(call.id)
    endpoint = call.resource(call.address.parent_id())
    if existing:
        check_create_only(existing, sent)
        sent = {**sent, "instanceType": existing["properties"]["instanceType"]}
    else:
        check_name("deployment", call.name)
    size = check_size(sent)
    capacity = check_capacity(body.get("sku"))
    check_references(call, sent)
    check_creator(call, endpoint)
    check_limits(call, endpoint, size, capacity, creating=existing is None)
    check_endpoint_is_free(call, endpoint, "update" if existing else "create")
    kept = existing["properties"]["properties"] if existing else {}
    document = envelope(call, existing) | {
        "location": endpoint["location"],
        "tags": body["tags"],
        "kind": body.get("kind") or "Managed",
        "sku": {"name": "Default", "capacity": capacity},
        "properties": with_defaults(sent) | {"properties": merged_properties(kept, sent.get("properties"))},
    }
    return _begin_put(call, existing, document, 200 if existing else 201)


def patch_deployment(call: Call) -> Reply:
    """Change tags or the number of instances."""
    body = call.object_body()
    existing = call.resource()
    tags = checked_tags(body.get("tags"))
    document = {**existing, "tags": existing["tags"] if body.get("tags") is None else tags}
    if body.get("sku"):
        capacity = check_capacity(body["sku"])
        size = vm_size(existing["properties"]["instanceType"])
        if size:
            endpoint = call.resource(call.address.parent_id())
            check_limits(call, endpoint, size, capacity, creating=False)
        document["sku"] = {**existing["sku"], "capacity": capacity}
    check_endpoint_is_free(call, call.resource(call.address.parent_id()), "update")
    return _begin_put(call, existing, document, 202)


def delete_deployment(call: Call) -> Reply:
    """Remove a deployment without traffic."""
    document = call.world.store.get(call.id)
    if document is None:
        return Reply(204)
    if operation := call.world.operations.running(call.id, "delete-deployment"):
        return accepted(call, 202, operation, document["location"])
    endpoint = call.resource(call.address.parent_id())
    for kind in ("traffic", "mirrorTraffic"):
        shares = {name.lower(): share for name, share in (endpoint["properties"].get(kind) or {}).items()}
        if share := shares.get(call.name.lower()):
            raise invalid(
                f"Deployment '{document['name']}' has {share}% {'live' if kind == 'traffic' else 'mirrored'} traffic. "
                "Set its traffic to 0 before deleting it.",
                code="InferencingClientDeleteDeploymentFailed",
            )
    check_endpoint_is_free(call, endpoint, "delete")
    fault = call.world.faults.operation(call.method, call.path)
    document["properties"]["provisioningState"] = "Deleting"
    call.world.store.put(call.id, document)
    operation = call.world.operations.start("delete-deployment", document["id"], fault=fault)
    return accepted(call, 202, operation, document["location"])


def get_logs(call: Call) -> Reply:
    """The last lines of a container's log."""
    document = call.resource()
    body = call.body if isinstance(call.body, dict) else {}
    container = body.get("containerType") or "InferenceServer"
    if container not in CONTAINERS:
        raise invalid(
            f"The containerType '{container}' is not supported. Supported values: {', '.join(CONTAINERS)}.",
            code="ValidationError",
            target="containerType",
        )
    tail = body.get("tail")
    if tail is not None and (type(tail) is not int or tail < 0):
        raise invalid("The tail must be a number of lines.", code="ValidationError", target="tail")
    content = call.world.host.logs(document["id"], container, DEFAULT_TAIL if tail is None else tail)
    return Reply(body={"content": content})


def list_skus(call: Call) -> Reply:
    """The number of instances that the deployment may have."""
    document = call.resource()
    capacity = {"minimum": 1, "maximum": MAX_INSTANCES, "default": 1, "scaleType": "Automatic"}
    sku = {"name": document["sku"]["name"], "tier": "Standard"}
    return Reply(body={"value": [{"resourceType": document["type"], "sku": sku, "capacity": capacity}]})


def _begin_put(call: Call, existing: Document | None, document: Document, status: int) -> Reply:
    world = call.world
    region = document["location"]
    if world.operations.running(call.id) is not None:
        operation = world.operations.canceled("put-deployment", document["id"], BUSY)
        return accepted(call, 200, operation, region, existing)
    fault = world.faults.operation(call.method, call.path)
    state = "Creating" if existing is None else "Scaling" if _only_scales(existing, document) else "Updating"
    document["properties"]["provisioningState"] = state
    with world.store.transaction():
        operation = world.operations.start("put-deployment", document["id"], fault=fault)
        url = operation_url(call, operation, region)
        document["properties"]["properties"]["AzureAsyncOperationUri"] = url
        world.store.put(call.id, document)
    return accepted(call, status, operation, region, document)


def _only_scales(existing: Document, document: Document) -> bool:
    def rest(item: Document) -> Document:
        own = ("provisioningState", "properties")
        return {name: value for name, value in item["properties"].items() if name not in own}

    return existing["sku"] != document["sku"] and rest(existing) == rest(document)


ROUTES: Routes = {
    ("GET", "workspaces/{}/onlineEndpoints/{}/deployments"): list_deployments,
    ("GET", "workspaces/{}/onlineEndpoints/{}/deployments/{}"): get_deployment,
    ("PUT", "workspaces/{}/onlineEndpoints/{}/deployments/{}"): put_deployment,
    ("PATCH", "workspaces/{}/onlineEndpoints/{}/deployments/{}"): patch_deployment,
    ("DELETE", "workspaces/{}/onlineEndpoints/{}/deployments/{}"): delete_deployment,
    ("POST", "workspaces/{}/onlineEndpoints/{}/deployments/{}/getLogs"): get_logs,
    ("GET", "workspaces/{}/onlineEndpoints/{}/deployments/{}/skus"): list_skus,
}
