"""What the identity of an endpoint must be allowed to do before its deployments start."""

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.secret_references import identities_of
from infra.emulator.world import World

PULL = "Microsoft.ContainerRegistry/registries/pull/read"
READ_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#authorization-error"


def check_permissions(world: World, deployment_id: str) -> None:
    """`DeploymentFailed` where a user-assigned identity may neither pull the image nor read code and models.

    The platform itself gives these roles to a system-assigned one.
    """
    endpoint_id = deployment_id.rsplit("/", 2)[0]
    endpoint = world.store.get(endpoint_id) or {}
    if (endpoint.get("identity") or {}).get("type") != "UserAssigned":
        return
    properties = (world.store.get(endpoint_id.rsplit("/", 2)[0]) or {}).get("properties") or {}
    for scope, action, data, what in (
        (properties.get("containerRegistry"), PULL, False, "pull permission on the registry"),
        (properties.get("storageAccount"), READ_BLOBS, True, "read permission on the blobs of the storage account"),
    ):
        known = identities_of(world, endpoint_id)
        if scope and not any(world.authorization.allowed(each, action, scope, data=data) for each in known):
            raise DeploymentFailed(
                "BadArgument", f"Endpoint identity does not have {what} '{scope.rpartition('/')[2]}'. {GUIDE}"
            )
