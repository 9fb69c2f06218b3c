"""Removes versions of assets: deletes them, or archives them where Azure does not delete.

azure-ai-ml and `az ml` only archive versions (https://github.com/Azure/azure-cli/issues/21957), while the API documents
a DELETE. An archived version is not listed any more, but its id still works: `up` uses it again.
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
        _archive(cloud, id)
        collection, name, _, version = id.split("/")[-4:]
        cloud.reporter.note(f"{collection} {name}:{version} is archived: Azure does not delete it ({error.code})")


def _archive(cloud: Cloud, id: str) -> None:
    properties = (cloud.management.get(id) or {}).get("properties")
    if properties and not properties.get("isArchived"):
        kept = {name: value for name, value in without_empty(properties).items() if name not in READ_ONLY}
        cloud.management.put(id, {"properties": {**kept, "isArchived": True}})
