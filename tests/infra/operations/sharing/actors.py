"""What a second actor does beside a stack, and how a test reads what it is told."""

from typing import Any

from infra.azure.target import Target


def put_untagged(target: Target, *ids: str) -> None:
    """What a PUT without tags does (Azure/azure-cli#33834): everything else stays as it was."""
    for id in ids:
        document = target.arm.get(id)
        assert document is not None
        body = {name: document[name] for name in ("location", "identity", "sku", "properties") if name in document}
        identity = body.get("identity")
        if identity:
            body["identity"] = {"type": identity["type"]}
        target.cloud.poller.wait(target.arm.begin_put(id, {**body, "tags": {}}))


def set_variable(target: Target, id: str, variable: tuple[str, str], **tags: str) -> None:
    """Set an environment variable and tags of a deployment by hand; everything else stays as it was."""
    document = target.arm.get(id)
    assert document is not None
    name, value = variable
    document["properties"]["environmentVariables"][name] = value
    document["properties"].pop("provisioningState")
    body = {name: document[name] for name in ("location", "sku", "properties")}
    target.cloud.poller.wait(target.arm.begin_put(id, {**body, "tags": {**document["tags"], **tags}}))


def scale(target: Target, id: str, count: int) -> None:
    """What a person or Azure Monitor does to a deployment."""
    body = {"sku": {"name": "Default", "capacity": count}}
    target.cloud.poller.wait(target.arm.begin_patch(id, body))


def reasons(changes: Any, kind: str) -> str:
    return "; ".join(change.reason for change in changes if change.kind == kind)
