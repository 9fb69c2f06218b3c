"""Long-running operations over HTTP: the headers that announce them and the routes to poll."""

from typing import Any

from infra.emulator.arm.call import Call, Routes, forbidden, not_found, subscription_of
from infra.emulator.errors import ServiceError
from infra.emulator.gateway.messages import Reply
from infra.emulator.operations import TERMINAL
from infra.emulator.state.store import Document
from infra.emulator.world import World


def accepted(call: Call, status: int, operation: Document, region: str, body: Any = None) -> Reply:
    """The answer to a request that started an operation: where to poll and, for a PUT, the resource."""
    headers = {
        "azure-asyncoperation": operation_url(call, operation, region),
        "x-ms-async-operation-timeout": "PT1H",
        "retry-after": _retry_after(call),
    }
    if call.method != "PUT":
        headers["location"] = operation_url(call, operation, region, "mfeOperationResults")
        body = None  # a PATCH or DELETE shows the resource only when it has ended
    return Reply(status, body, headers)


def operation_url(call: Call, operation: Document, region: str, kind: str = "mfeOperationsStatus") -> str:
    """The URL of an operation's status, or of its result."""
    return status_url(call.world, operation, region, call.query["api-version"], kind)


def status_url(world: World, operation: Document, region: str, version: str, kind: str = "mfeOperationsStatus") -> str:
    """The same for an operation that no request started."""
    subscription = subscription_of(operation["resource"])
    return (
        f"{world.urls.resource_manager}/subscriptions/{subscription}/providers/"
        f"Microsoft.MachineLearningServices/locations/{region}/{kind}/{operation['name']}?api-version={version}"
    )


def get_status(call: Call) -> Reply:
    """The status of an operation: always 200, even if the operation failed."""
    operation = _visible(call)
    shown = ("name", "status", "startTime", "endTime", "error")
    body: Document = {"id": call.id} | {key: operation[key] for key in shown if key in operation}
    body["percentComplete"] = 100.0 if operation["status"] in TERMINAL else 0.0
    headers = {} if operation["status"] in TERMINAL else {"retry-after": _retry_after(call)}
    return Reply(200, body, headers)


def get_result(call: Call) -> Reply:
    """The result of an operation: 202 while it runs, its error if it failed."""
    operation = _visible(call)
    if operation["status"] == "InProgress":
        return Reply(202, None, {"retry-after": _retry_after(call), "location": _same_url(call)})
    if operation["status"] != "Succeeded":
        raise ServiceError(400, operation["error"]["code"], operation["error"]["message"])
    document = call.world.store.get(operation["resource"])
    if document is None or operation["kind"].startswith("delete"):
        return Reply(204)
    return Reply(200, document)


def _visible(call: Call) -> Document:
    operation = call.world.operations.get(call.name)
    if operation is None:
        raise not_found(call.id)
    action = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/read"
    # The permission to read the resource counts, though the path is one of the subscription.
    if not call.allowed(action, operation["resource"]):
        raise forbidden(call.principal, action, operation["resource"])
    return operation


def _same_url(call: Call) -> str:
    return f"{call.world.urls.resource_manager}{call.path}?api-version={call.query['api-version']}"


def _retry_after(call: Call) -> str:
    return str(max(1, int(call.world.settings["retry_after_seconds"])))


ROUTES: Routes = {
    ("GET", "locations/{}/mfeOperationsStatus/{}"): get_status,
    ("GET", "locations/{}/mfeOperationResults/{}"): get_result,
}
