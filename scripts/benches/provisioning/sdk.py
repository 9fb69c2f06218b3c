"""Creates a stack with azure-ai-ml as its documentation shows, with all defaults: `sdk.py plan|up JOB`."""

import json
import sys
from typing import Any

import httpx
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    WorkspaceConnection,
)
from azure.identity import ManagedIdentityCredential


class TokenConnection(WorkspaceConnection):
    """A connection with custom keys, for which the SDK has no class, so that its users write the body themselves."""

    body: dict[str, Any]

    def _to_rest_object(self) -> Any:
        return self.body


def client(job: dict[str, Any]) -> MLClient:
    arm = job["resource_manager"] + "/"
    return MLClient(
        ManagedIdentityCredential(),
        job["subscription_id"],
        job["resource_group"],
        job["workspace"],
        cloud=f"bench-{arm}",
        cloud_metadata={
            "azure_portal": arm,
            "resource_manager": arm,
            "active_directory": arm,
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": arm,
        },
        show_progress=False,
    )


def plan(job: dict[str, Any]) -> None:
    """Read everything that exists, one after the other."""
    ml, name = client(job), job["name"]
    ml.connections.get(name)
    ml.environments.get(name, version="1")
    ml.models.get(name, version="1")
    ml.online_endpoints.get(name)
    ml.online_deployments.get("blue", name)


def up(job: dict[str, Any]) -> None:
    """Create or update everything, as a pipeline without a plan does."""
    ml, name = client(job), job["name"]
    link = TokenConnection(name=name, type="custom", target="_", credentials=None)
    link.body = {"properties": job["connection"]}
    ml.connections.create_or_update(link)
    environment = ml.environments.create_or_update(
        Environment(name=name, version="1", image=job["image"], inference_config=job["routes"]["snake"])
    )
    ml.models.create_or_update(Model(name=name, version="1", path=job["card"], type="custom_model"))
    endpoint = ManagedOnlineEndpoint(
        name=name, auth_mode="key", properties={"enforce_access_to_default_secret_stores": "enabled"}
    )
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    deployment = ManagedOnlineDeployment(
        name="blue",
        endpoint_name=name,
        environment=environment.id,
        code_configuration=CodeConfiguration(code=job["code"], scoring_script="score.py"),
        environment_variables=job["variables"],
        instance_type=job["instance_type"],
        instance_count=1,
    )
    ml.online_deployments.begin_create_or_update(deployment).result()
    live = ml.online_endpoints.get(name)
    live.traffic = {"blue": 100}
    ml.online_endpoints.begin_create_or_update(live).result()
    key = ml.online_endpoints.get_keys(name).primary_key
    answer = httpx.post(live.scoring_uri, json=job["question"], headers={"Authorization": f"Bearer {key}"}, timeout=60)
    answer.raise_for_status()


if __name__ == "__main__":
    {"plan": plan, "up": up}[sys.argv[1]](json.loads(sys.argv[2]))
