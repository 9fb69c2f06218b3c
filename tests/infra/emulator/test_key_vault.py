"""Key vaults: the resource, its secrets by the data plane, and a reference that a deployment's identity may read."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.emulator.launcher import EmulatorProfile

VERSION = "2023-07-01"
OFFICER, USER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "4633458b-17de-408a-b874-0445c86b69e6"
Vault = Callable[..., httpx.Response]


def token_for(profile: EmulatorProfile, resource: str) -> str:
    answer = httpx.get(
        profile.identity_endpoint,
        params={"api-version": "2019-08-01", "resource": resource},
        headers={"X-IDENTITY-HEADER": "x"},
        trust_env=False,
    )
    return str(answer.json()["access_token"])


def body(tenant: str, **properties: Any) -> dict[str, Any]:
    sku = {"family": "A", "name": "standard"}
    return {
        "location": "eastus",
        "properties": {"tenantId": tenant, "sku": sku, "enableRbacAuthorization": True, **properties},
    }


@pytest.fixture
def vault_id(arm: Any, emulator: EmulatorProfile) -> Iterator[str]:
    id = f"{arm.group}/providers/Microsoft.KeyVault/vaults/gate-vault"
    arm.done("PUT", id, body(emulator.tenant_id), version=VERSION)
    yield id
    arm.done("DELETE", id, version=VERSION)


@pytest.fixture
def secrets(arm: Any, emulator: EmulatorProfile, vault_id: str) -> Vault:
    """Talks to the vault's data plane as the owner of the subscription."""
    uri = arm("GET", vault_id, version=VERSION).json()["properties"]["vaultUri"]
    bearer = f"Bearer {token_for(emulator, 'https://vault.azure.net')}"

    def send(method: str, path: str, content: Any = None, authorization: str = bearer) -> httpx.Response:
        headers = {"Authorization": authorization}
        answer: httpx.Response = arm.client.request(
            method, f"{uri}{path}", json=content, params={"api-version": "7.4"}, headers=headers
        )
        return answer

    return send


def assign(arm: Any, scope: str, role: str, principal: str, number: int) -> None:
    name = f"5f0e8bb1-0000-4000-8000-0000000001{number:02d}"
    definition = f"/subscriptions/{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"principalId": principal, "roleDefinitionId": definition, "principalType": "ServicePrincipal"}
    id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    arm.done("PUT", id, {"properties": properties}, version="2022-04-01")


def owner_id(arm: Any) -> str:
    assignments = arm("GET", f"{arm.lab}/providers/Microsoft.Authorization/roleAssignments", version="2022-04-01")
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    found = [item["properties"] for item in assignments.json()["value"]]
    return str(next(entry["principalId"] for entry in found if entry["roleDefinitionId"].endswith(owner)))


def test_a_deployment_gets_a_secret_of_a_vault(arm: Any, bodies: Any, vault_id: str, secrets: Vault) -> None:
    refused = secrets("PUT", "secrets/hf-token", {"value": "hf_in_a_vault"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Forbidden")
    assert refused.json()["error"]["innererror"]["code"] == "ForbiddenByRbac"
    assert "vaults/secrets/setSecret/action" in refused.json()["error"]["message"]
    assign(arm, vault_id, OFFICER, owner_id(arm), 1)
    made = secrets("PUT", "secrets/hf-token", {"value": "hf_in_a_vault"}).json()
    assert made["value"] == "hf_in_a_vault"
    version = made["id"].rpartition("/")[2]
    secrets("PUT", "secrets/hf-token", {"value": "newer"})
    assert secrets("GET", "secrets/hf-token").json()["value"] == "newer"
    assert secrets("GET", f"secrets/hf-token/{version}").json()["value"] == "hf_in_a_vault"
    assert [item["id"].split("/")[-2] for item in secrets("GET", "secrets").json()["value"]] == ["hf-token"]

    endpoint, assets = arm.endpoint("vaulted"), arm.assets()
    reference = f"${{{{keyvault:https://gate-vault.vault.azure.net/secrets/hf-token/{version}}}}}"
    wanted = bodies["deployment"](assets, environmentVariables={"GREETING": reference})
    deployment = f"{endpoint}/deployments/blue"
    failed = arm.finish(arm("PUT", deployment, wanted))["error"]
    assert failed["code"] == "SecretsInjectionError"
    assert "no key vault 'gate-vault.vault.azure.net' that the endpoint identity" in failed["message"]
    assign(arm, vault_id, USER, arm("GET", endpoint).json()["identity"]["principalId"], 2)
    arm.done("PUT", deployment, wanted)
    key = arm("POST", f"{endpoint}/listKeys").json()["primaryKey"]
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "blue"}
    scoring = arm("GET", endpoint).json()["properties"]["scoringUri"]
    assert httpx.post(scoring, json=1, headers=headers, trust_env=False).json()["greeting"] == "hf_in_a_vault"
    assert "hf_in_a_vault" not in arm("GET", deployment).text
    missing = bodies["deployment"](assets, environmentVariables={"GREETING": reference.replace(version, "0" * 32)})
    assert (
        "has no secret 'hf-token' with the version" in arm.finish(arm("PUT", deployment, missing))["error"]["message"]
    )
    arm.done("DELETE", endpoint)


@pytest.mark.parametrize(
    ("method", "path", "authorization", "status", "code"),
    [
        pytest.param("GET", "secrets/x", "none", 401, "Unauthorized", id="no-token"),
        pytest.param("GET", "secrets/x", "arm", 401, "Unauthorized", id="token-for-another-audience"),
        pytest.param("GET", "secrets/none", None, 404, "SecretNotFound", id="no-such-secret"),
        pytest.param("PUT", "secrets/under_score", None, 400, "BadParameter", id="secret-name"),
        pytest.param("GET", "keys/x", None, 501, "NotImplemented", id="keys-are-not-emulated"),
    ],
)
def test_the_data_plane_refuses(
    arm: Any,
    emulator: EmulatorProfile,
    vault_id: str,
    secrets: Vault,
    method: str,
    path: str,
    authorization: str | None,
    status: int,
    code: str,
) -> None:
    assign(arm, vault_id, OFFICER, owner_id(arm), 3)
    given = {"none": "", "arm": arm.client.headers["Authorization"]}
    chosen = {"authorization": given[authorization]} if authorization else {}
    answer = secrets(method, path, {"value": "x"}, **chosen)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    if status == 401:
        assert 'resource="https://vault.azure.net"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("name", "change", "status", "code"),
    [
        pytest.param("ab", {}, 400, "VaultNameNotValid", id="name-short"),
        pytest.param("a--b", {}, 400, "VaultNameNotValid", id="name-hyphens"),
        pytest.param("fine", {"sku": {"family": "A"}}, 400, "BadRequest", id="sku"),
        pytest.param("fine", {"tenantId": "other"}, 400, "BadRequest", id="tenant"),
        pytest.param("fine", {"enableRbacAuthorization": False}, 400, "BadRequest", id="no-access-policies"),
        pytest.param("GATE-vault", {}, 409, "VaultAlreadyExists", id="taken"),
    ],
)
def test_vaults_that_are_refused(
    arm: Any, emulator: EmulatorProfile, vault_id: str, name: str, change: Any, status: int, code: str
) -> None:
    other = arm.group.replace("/ml", "/ml2")
    arm.done("PUT", other, {"location": "eastus"}, version="2022-09-01")
    id = f"{other}/providers/Microsoft.KeyVault/vaults/{name}"
    answer = arm("PUT", id, body(emulator.tenant_id, **change), version=VERSION)
    assert arm.error(answer)[:2] == (status, code)


def test_a_vault_with_access_policies_opens_to_no_role(
    arm: Any, emulator: EmulatorProfile, vault_id: str, secrets: Vault
) -> None:
    assign(arm, vault_id, OFFICER, owner_id(arm), 4)
    older = body(emulator.tenant_id, enableRbacAuthorization=False, accessPolicies=[])
    arm.done("PUT", vault_id, older, version=VERSION)
    answer = secrets("GET", "secrets/x")
    assert (answer.status_code, answer.json()["error"]["innererror"]["code"]) == (403, "AccessDenied")
