"""Every operation of Resource Manager: the routes by provider, and the work of long-running operations."""

from functools import partial

from infra.emulator.arm import (
    authorization,
    autoscale,
    connections,
    groups,
    identities,
    metrics,
    operations,
    registries,
    vaults,
    workspaces,
)
from infra.emulator.arm.assets import routes as assets
from infra.emulator.arm.call import ML, Routes
from infra.emulator.arm.container_registries import routes as container_registries
from infra.emulator.arm.container_registries import work as container_registry_work
from infra.emulator.arm.container_registries.images import CONTAINER_REGISTRIES
from infra.emulator.arm.deployments import routes as deployments
from infra.emulator.arm.deployments import work as deployment_work
from infra.emulator.arm.endpoints import routes as endpoints
from infra.emulator.arm.endpoints import work as endpoint_work
from infra.emulator.arm.quota import routes as quota
from infra.emulator.operations import Runner
from infra.emulator.world import World

ROUTES: dict[str, Routes] = {
    "": groups.ROUTES,
    "Microsoft.Authorization": authorization.ROUTES,
    CONTAINER_REGISTRIES: container_registries.ROUTES,
    "Microsoft.Insights": {**autoscale.ROUTES, **metrics.ROUTES},
    "Microsoft.KeyVault": vaults.ROUTES,
    "Microsoft.ManagedIdentity": identities.ROUTES,
    ML: {
        **workspaces.ROUTES,
        **connections.ROUTES,
        **assets.ROUTES,
        **endpoints.ROUTES,
        **deployments.ROUTES,
        **operations.ROUTES,
        **quota.ROUTES,
        **registries.ROUTES,
    },
}


def runners(world: World) -> dict[str, Runner]:
    """The work of long-running operations in this world, by kind of operation."""
    work = {
        "put-endpoint": (endpoint_work.run_put, endpoint_work.failed),
        "delete-endpoint": (endpoint_work.run_delete, endpoint_work.failed),
        "regenerate-keys": (endpoint_work.run_regenerate, endpoint_work.failed),
        "put-deployment": (deployment_work.run_put, deployment_work.failed),
        "delete-deployment": (deployment_work.run_delete, deployment_work.failed),
        "run-build": (container_registry_work.run_build, container_registry_work.failed),
    }
    return {kind: Runner(partial(run, world), partial(failed, world)) for kind, (run, failed) in work.items()}
