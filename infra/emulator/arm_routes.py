"""Every operation of the control plane in one place: by provider, and what runs in the background."""

from infra.emulator import (
    arm_assets,
    arm_authorization,
    arm_connections,
    arm_deployments,
    arm_endpoints,
    arm_groups,
    arm_identities,
    arm_operations,
    arm_quota,
    arm_registries,
    arm_vaults,
    arm_workspaces,
    deployment_operations,
    endpoint_operations,
)
from infra.emulator.arm_call import ML, Routes
from infra.emulator.operations import Failed, Runner

ROUTES: dict[str, Routes] = {
    "": arm_groups.ROUTES,
    "Microsoft.Authorization": arm_authorization.ROUTES,
    "Microsoft.KeyVault": arm_vaults.ROUTES,
    "Microsoft.ManagedIdentity": arm_identities.ROUTES,
    ML: {
        **arm_workspaces.ROUTES,
        **arm_connections.ROUTES,
        **arm_assets.ROUTES,
        **arm_endpoints.ROUTES,
        **arm_deployments.ROUTES,
        **arm_operations.ROUTES,
        **arm_quota.ROUTES,
        **arm_registries.ROUTES,
    },
}

RUNNERS: dict[str, tuple[Runner, Failed]] = {
    "put-endpoint": (endpoint_operations.run_put, endpoint_operations.failed),
    "delete-endpoint": (endpoint_operations.run_delete, endpoint_operations.failed),
    "regenerate-keys": (endpoint_operations.run_regenerate, endpoint_operations.failed),
    "put-deployment": (deployment_operations.run_put, deployment_operations.failed),
    "delete-deployment": (deployment_operations.run_delete, deployment_operations.failed),
}
