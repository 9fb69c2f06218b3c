"""The catalog as azure-ai-ml, unmodified, sees it."""

from typing import Any

from infra.azure.target import Target


def models_of(target: Target, **place: str) -> Any:
    """The SDK's models of a registry (`registry_name`) or of the target's workspace."""
    from azure.ai.ml import MLClient

    url, workspace = target.arm.base_url, target.workspace
    metadata = {
        "azure_portal": url,
        "resource_manager": f"{url}/",
        "active_directory": f"{url}/",
        "aml_resource_id": "https://ml.azure.com/",
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": f"{url}/",
    }
    cloud = {"cloud": f"catalog-{url.rpartition(':')[2]}", "cloud_metadata": metadata}
    if not place:
        place = {
            "subscription_id": workspace.subscription_id,
            "resource_group_name": workspace.resource_group,
            "workspace_name": workspace.name,
        }
    return MLClient(target.arm.credential, enable_telemetry=False, **place, **cloud).models
