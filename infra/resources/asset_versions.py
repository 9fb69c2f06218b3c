"""Removes versions of assets: deletes them, or archives them where Azure does not delete; and restores these.

azure-ai-ml and `az ml` only archive versions (https://github.com/Azure/azure-cli/issues/21957), while the API documents
a DELETE. An archived version is not listed any more, but its id still works.
"""

from infra.azure.cloud import Cloud
from infra.errors import AccessDenied, NotFound, OperationFailed, Refused
from infra.resources.azure_shapes import without_empty

READ_ONLY = ("provisioningState", "environmentType")


def remove_version(cloud: Cloud, id: str) -> None:
    """Delete a version, which need not exist; where Azure refuses that, archive it and tell the reporter."""
    try:
        cloud.delete(id)
    except (AccessDenied, NotFound, OperationFailed):
        raise
    except Refused as error:
        _set_archived(cloud, id, True)
        collection, name, _, version = id.split("/")[-4:]
        cloud.reporter.note(f"{collection} {name}:{version} is archived: Azure does not delete it ({error.code})")


def restore_version(cloud: Cloud, id: str) -> bool:
    """Let Azure list a version again that was archived, with its content as it is; returns whether there is one."""
    return _set_archived(cloud, id, False)


def _set_archived(cloud: Cloud, id: str, archived: bool) -> bool:
    properties = (cloud.management.get(id) or {}).get("properties")
    if properties and bool(properties.get("isArchived")) is not archived:
        kept = {name: value for name, value in without_empty(properties).items() if name not in READ_ONLY}
        cloud.management.put(id, {"properties": {**kept, "isArchived": archived}})
    return bool(properties)
