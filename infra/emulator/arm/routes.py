"""Every operation of the control plane in one place: by provider, and what runs in the background."""

from infra.emulator.arm import authorization as arm_authorization
from infra.emulator.arm import connections as arm_connections
from infra.emulator.arm import groups as arm_groups
from infra.emulator.arm import identities as arm_identities
from infra.emulator.arm import operations as arm_operations
from infra.emulator.arm import registries as arm_registries
from infra.emulator.arm import vaults as arm_vaults
from infra.emulator.arm import workspaces as arm_workspaces
from infra.emulator.arm.assets import routes as arm_assets
from infra.emulator.arm.call import ML, Routes
from infra.emulator.arm.deployments import routes as arm_deployments
from infra.emulator.arm.deployments import work as deployment_operations
from infra.emulator.arm.endpoints import routes as arm_endpoints
from infra.emulator.arm.endpoints import work as endpoint_operations
from infra.emulator.arm.quota import routes as arm_quota
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
