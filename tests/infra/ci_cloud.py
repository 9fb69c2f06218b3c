"""An emulator that is used as a cloud of its own, without `--local`, and the environments of CI runners in it."""

import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from infra.emulator import launcher

SUBSCRIPTION = "00000000-0000-0000-0000-00000000c1c1"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/ml"
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
DEVOPS_ISSUER = "https://vstoken.dev.azure.com/9d5f6a52-0d3f-4c8e-8f0b-5b1f1f2a7c11"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
TOKEN = "hf_runnertoken1"
SECRETIVE = "00000000-0000-0000-0000-0000000000ff"  # an application that has a client secret
SEED: dict[str, Any] = {
    "principals": [{"client_id": SECRETIVE, "client_secret": "right"}],
    "workspaces": [{"subscription_id": SUBSCRIPTION, "resource_group": "ml", "name": "lab", "location": "eastus"}],
    "hub": {
        "tokens": [{"value": TOKEN, "user": "ci"}],
        "repos": [{"id": "org/gated", "gated": "manual", "files": {"config.json": "{}"}, "access": {"ci": "accepted"}}],
    },
}


class CiCloud:
    """A running emulator as a cloud, and an identity with federated credentials that may change the workspace."""

    def __init__(self, folder: Path, seed: Mapping[str, Any] | None = SEED, group: str = GROUP) -> None:
        self.folder = folder
        (folder / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
        self.profile = launcher.start(folder / "state", seed=folder / "seed.json" if seed else None)
        self._arm = httpx.Client(verify=False, trust_env=False, timeout=60)  # noqa: S501 loopback
        identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
        made = self.put(identity, {"location": "eastus"}, "2023-01-31")["properties"]
        self.identity, self.client_id = identity, str(made["clientId"])
        role = (
            f"{group.partition('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
        )
        assignment = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        body = {"properties": {"principalId": made["principalId"], "roleDefinitionId": role}}
        self.put(assignment, body, "2022-04-01")

    def put(self, id: str, body: Any, version: str) -> Any:
        """Write a resource as the subscription's owner."""
        token = httpx.get(
            self.profile.identity_endpoint,
            params={"api-version": "2019-08-01", "resource": "https://management.azure.com"},
            headers={"X-IDENTITY-HEADER": "x"},
            trust_env=False,
        ).json()["access_token"]
        url = f"{self.profile.resource_manager}{id}?api-version={version}"
        answer = self._arm.put(url, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.raise_for_status().json()

    def trust(self, subject: str, issuer: str = GITHUB_ISSUER) -> None:
        """Let the identity be signed in to by the assertions about this subject."""
        name = f"fc-{uuid.uuid4().hex[:8]}"
        properties = {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}
        self.put(f"{self.identity}/federatedIdentityCredentials/{name}", {"properties": properties}, "2023-01-31")

    def portal(self, path: str, body: Any, method: str = "PUT") -> Any:
        """Tell the portal something; returns its answer."""
        answer = httpx.request(method, f"{self.profile.portal}/{path}", json=body, trust_env=False)
        return answer.raise_for_status().json()

    def ask(self, path: str) -> Any:
        """What the portal knows."""
        return httpx.get(f"{self.profile.portal}/{path}", trust_env=False).json()

    def runner(self, kind: str, subject: str) -> dict[str, str]:
        """The variables that the runner of a new job has for its OIDC service."""
        variables: dict[str, str] = self.portal("runners", {"kind": kind, "subject": subject}, "POST")
        return variables

    def variables(self) -> dict[str, str]:
        """What every machine needs to use this cloud."""
        manager = self.profile.resource_manager
        return {
            "HOME": str(self.folder),
            "REQUESTS_CA_BUNDLE": self.profile.ca_bundle,
            "ARM_CLOUD_METADATA_URL": f"{manager}/metadata/endpoints?api-version=2022-09-01",
            "HF_ENDPOINT": self.profile.hub,
        }

    def github(self, subject: str) -> dict[str, str]:
        """The environment of a GitHub job about this subject."""
        login = {"AZURE_CLIENT_ID": self.client_id, "AZURE_TENANT_ID": self.profile.tenant_id}
        return self.variables() | login | self.runner("github", subject)

    def az_login(self, subject: str) -> Path:
        """A folder for PATH with an `az` that is logged in with one assertion about this subject."""
        folder = self.folder / "az-bin"
        folder.mkdir(exist_ok=True)
        runner = self.runner("github", subject)
        url = f"{runner['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://AzureADTokenExchange"
        headers = {"Authorization": f"bearer {runner['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
        session = {
            "assertion": self._arm.get(url, headers=headers).json()["value"],
            "client_id": self.client_id,
            "token_url": f"{self.profile.resource_manager}/{self.profile.tenant_id}/oauth2/v2.0/token",
            "portal": self.profile.portal,
            "tokens": {},
        }
        (folder / "session.json").write_text(json.dumps(session), encoding="utf-8")
        source = Path(__file__).with_name("az_session.py").read_text(encoding="utf-8")
        (folder / "az").write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
        (folder / "az").chmod(0o700)
        return folder

    def close(self) -> None:
        """Stop the emulator."""
        self._arm.close()
        launcher.stop(self.folder / "state")
