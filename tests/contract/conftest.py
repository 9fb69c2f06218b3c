"""Where the contract is tested: on the emulator always, on a real workspace when the environment names one.

    GATELIFT_CONTRACT_SUBSCRIPTION, GATELIFT_CONTRACT_RESOURCE_GROUP, GATELIFT_CONTRACT_WORKSPACE
    GATELIFT_CONTRACT_INSTANCE_TYPE   Standard_DS3_v2 where it is left out

`python -m pytest -m azure tests/contract` then signs in as azure-identity's DefaultAzureCredential does. It makes an
endpoint with one instance, which costs money for some ten minutes, and removes what it made.
"""

import contextlib
import io
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from infra.emulator import launcher

PLACE = ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE")
PUBLIC = "https://management.azure.com"


@dataclass(frozen=True)
class Target:
    """One place that the contract holds for; `arm` sends plain requests to its Resource Manager."""

    credential: Any
    subscription: str
    group: str
    workspace: str
    base: str = PUBLIC
    options: dict[str, Any] = field(default_factory=dict)
    trusted: str | bool = True
    instance_type: str = "Standard_DS3_v2"

    @property
    def id(self) -> str:
        provider = "providers/Microsoft.MachineLearningServices"
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/{provider}/workspaces/{self.workspace}"

    def token(self, scope: str = f"{PUBLIC}/.default") -> str:
        return str(self.credential.get_token(scope).token)

    def arm(self, method: str, path: str, body: Any = None, **changes: Any) -> httpx.Response:
        """A request of its own; `version` and `token` replace the usual ones, None leaves them out."""
        version, token = changes.get("version", "2024-04-01"), changes.get("token", self.token())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        params = {"api-version": version} if version else {}
        with httpx.Client(verify=self.trusted, trust_env=False, timeout=120) as client:
            return client.request(method, f"{self.base}{path}", json=body, params=params, headers=headers)


def on_the_emulator(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[Target]:
    from azure.identity import ManagedIdentityCredential

    state = tmp_path_factory.mktemp("contract")
    profile = launcher.start(state)
    patch.setenv("REQUESTS_CA_BUNDLE", profile.ca_bundle)
    patch.setenv("IDENTITY_ENDPOINT", profile.identity_endpoint)
    patch.setenv("IDENTITY_HEADER", "any")
    url = profile.resource_manager
    cloud = {
        "azure_portal": profile.portal,
        "resource_manager": url,
        "active_directory": url,
        "aml_resource_id": "https://ml.azure.com",
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": f"{url}/",
    }
    options = {"cloud": f"contract-{url.rpartition(':')[2]}", "cloud_metadata": cloud}
    subscription = "00000000-0000-0000-0000-000000000001"
    yield Target(
        ManagedIdentityCredential(), subscription, "gatelift", "local", url, options, trusted=profile.ca_bundle
    )
    launcher.stop(state)


def on_azure(config: pytest.Config) -> Target:
    from azure.identity import DefaultAzureCredential

    if "azure" not in config.option.markexpr:
        pytest.skip("on a real workspace only with -m azure, which costs money")
    found = [os.environ.get(f"GATELIFT_CONTRACT_{name}", "") for name in PLACE]
    if not all(found):
        pytest.skip(f"no real workspace: set {', '.join(f'GATELIFT_CONTRACT_{name}' for name in PLACE)}")
    size = os.environ.get("GATELIFT_CONTRACT_INSTANCE_TYPE", "Standard_DS3_v2")
    return Target(DefaultAzureCredential(), *found, instance_type=size)


@pytest.fixture(scope="session", params=["emulator", pytest.param("azure", marks=pytest.mark.azure)])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The place that a test runs against."""
    if request.param == "azure":
        yield on_azure(request.config)
        return
    with pytest.MonkeyPatch.context() as patch:
        yield from on_the_emulator(tmp_path_factory, patch)


@pytest.fixture(scope="session")
def ml(target: Target) -> Any:
    """The unmodified SDK, which asks for operations every second where the service does not say how often."""
    from azure.ai.ml import MLClient

    place = (target.subscription, target.group, target.workspace)
    return MLClient(target.credential, *place, polling_interval=1, enable_telemetry=False, **target.options)


@pytest.fixture(scope="session")
def unique(target: Target) -> str:
    """Tells this run's resources from those of others."""
    return uuid.uuid4().hex[:8]


@pytest.fixture(scope="session")
def quiet() -> Callable[[], Any]:
    """Keeps the dots that the SDK prints out of the output."""
    return lambda: contextlib.redirect_stdout(io.StringIO())
