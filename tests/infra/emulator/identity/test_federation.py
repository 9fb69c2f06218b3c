"""Federated credentials: CI services' assertions, through the real azure-identity."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AzurePipelinesCredential, ClientAssertionCredential

SCOPE = "https://management.azure.com/.default"
SUBJECT = "repo:octo/models:environment:azure"
ISSUER = "https://token.actions.githubusercontent.com"
EXCHANGE = "api://AzureADTokenExchange"
V = "2023-01-31"


class Cloud:
    """An identity with one federated credential, and jobs that sign in as it."""

    def __init__(self, profile: Any, arm: Any) -> None:
        self.profile, self.arm = profile, arm
        self.identity = (
            f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci-{uuid.uuid4().hex[:8]}"
        )
        made = arm.done("PUT", self.identity, {"location": "eastus"}, version=V).json()["properties"]
        self.client_id = made["clientId"]
        self.credential = f"{self.identity}/federatedIdentityCredentials/github"
        self.trust(ISSUER, SUBJECT)

    def trust(self, issuer: str, subject: str, audience: str = EXCHANGE, name: str = "github") -> Any:
        body = {"properties": {"issuer": issuer, "subject": subject, "audiences": [audience]}}
        return self.arm("PUT", f"{self.identity}/federatedIdentityCredentials/{name}", body, version=V)

    def runner(self, kind: str = "github", subject: str = SUBJECT) -> dict[str, str]:
        answer = httpx.post(f"{self.profile.portal}/runners", json={"kind": kind, "subject": subject}, trust_env=False)
        runner: dict[str, str] = answer.raise_for_status().json()
        return runner

    def ask_github(self, runner: dict[str, str], audience: str = EXCHANGE) -> str:
        answer = self.arm.client.get(
            f"{runner['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}",
            headers={"Authorization": f"bearer {runner['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        )
        return str(answer.raise_for_status().json()["value"])

    def login(
        self, assertion: Callable[[], str], *, tenant: str = "", client_id: str = ""
    ) -> ClientAssertionCredential:
        return ClientAssertionCredential(
            tenant or self.profile.tenant_id, client_id or self.client_id, assertion, **self.where
        )

    @property
    def where(self) -> dict[str, Any]:
        verify = self.profile.ca_bundle
        return {"authority": self.profile.resource_manager, "connection_verify": verify, "retry_total": 0}

    def move_clock(self, seconds: float) -> None:
        url = f"{self.profile.portal}/settings"
        httpx.put(url, json={"clock_ahead_seconds": seconds}, trust_env=False).raise_for_status()


@pytest.fixture
def cloud(emulator: Any, arm: Any) -> Cloud:
    return Cloud(emulator, arm)


def test_a_github_job_signs_in_without_a_secret(cloud: Cloud, arm_as: Callable[[str], Any]) -> None:
    runner = cloud.runner()
    token = cloud.login(lambda: cloud.ask_github(runner)).get_token(SCOPE)
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["appid"] == cloud.client_id
    assert claims["exp"] - claims["iat"] == 3600
    assert arm_as(token.token)("GET", cloud.arm.lab).json()["error"]["code"] == "AuthorizationFailed"


def test_an_azure_devops_job_signs_in_through_its_service_connection(cloud: Cloud, monkeypatch: Any) -> None:
    runner = cloud.runner("azure-pipelines", "sc://org/project/azure")
    cloud.trust(
        "https://vstoken.dev.azure.com/9d5f6a52-0d3f-4c8e-8f0b-5b1f1f2a7c11", "sc://org/project/azure", name="ado"
    )
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", runner["SYSTEM_OIDCREQUESTURI"])
    credential = AzurePipelinesCredential(
        tenant_id=cloud.profile.tenant_id,
        client_id=cloud.client_id,
        service_connection_id=runner["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"],
        system_access_token=runner["SYSTEM_ACCESSTOKEN"],
        **cloud.where,
    )
    assert credential.get_token(SCOPE).token


@pytest.mark.parametrize(
    ("change", "number"),
    [
        pytest.param({"subject": "repo:octo/models:pull_request"}, 700213, id="subject"),
        pytest.param({"subject": SUBJECT.upper()}, 7002138, id="case"),
        pytest.param({"audience": "api://other"}, 700212, id="audience"),
        pytest.param({"kind": "azure-pipelines"}, 700211, id="issuer"),
    ],
)
def test_an_assertion_of_somebody_else(cloud: Cloud, change: dict[str, str], number: int) -> None:
    job = {name: change[name] for name in ("kind", "subject") if name in change}
    runner = cloud.runner(**job)
    if "kind" in change:
        query = f"?api-version=7.1&serviceConnectionId={runner['AZURESUBSCRIPTION_SERVICE_CONNECTION_ID']}"
        answer = cloud.arm.client.post(
            runner["SYSTEM_OIDCREQUESTURI"] + query, headers={"Authorization": f"Bearer {runner['SYSTEM_ACCESSTOKEN']}"}
        )
        assertion = answer.json()["oidcToken"]
    else:
        assertion = cloud.ask_github(runner, change.get("audience", EXCHANGE))
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}: No matching federated identity record"):
        cloud.login(lambda: assertion).get_token(SCOPE)


def test_without_any_federated_credential(cloud: Cloud) -> None:
    cloud.arm.done("DELETE", cloud.credential, version=V)
    runner = cloud.runner()
    with pytest.raises(ClientAuthenticationError, match="AADSTS70025"):
        cloud.login(lambda: cloud.ask_github(runner)).get_token(SCOPE)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        pytest.param({"tenant": "11111111-2222-3333-4444-555555555555"}, 90002, id="tenant"),
        pytest.param({"tenant": "nowhere"}, 900023, id="no-tenant"),
        pytest.param({"client_id": "11111111-2222-3333-4444-555555555555"}, 700016, id="application"),
    ],
)
def test_a_tenant_or_an_application_that_nobody_knows(cloud: Cloud, change: dict[str, str], number: int) -> None:
    runner = cloud.runner()
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}:"):
        cloud.login(lambda: cloud.ask_github(runner), **change).get_token(SCOPE)


def test_a_forged_assertion(cloud: Cloud) -> None:
    real = cloud.ask_github(cloud.runner())
    claims = jwt.decode(real, options={"verify_signature": False})
    forged = jwt.encode(claims, "guess-guess-guess-guess-guess-guess", algorithm="HS256")
    for assertion, number in ((forged, 50013), ("nonsense", 50027)):
        with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}:"):
            cloud.login(lambda assertion=assertion: assertion).get_token(SCOPE)  # type: ignore[misc]


def test_an_assertion_is_good_for_five_minutes_and_a_token_for_sixty(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any]
) -> None:
    profile = start_emulator()
    arm = arm_of(profile)
    cloud = Cloud(profile, arm)
    assertion = cloud.ask_github(cloud.runner())
    token = cloud.login(lambda: assertion).get_token(SCOPE).token
    headers = {"Authorization": f"Bearer {token}"}

    def status() -> int:
        answer = arm.client.get(arm.lab, params={"api-version": "2024-04-01"}, headers=headers)
        return int(answer.status_code)

    cloud.move_clock(4 * 60)
    assert cloud.login(lambda: assertion).get_token(SCOPE).token
    cloud.move_clock(6 * 60)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700024: Client assertion is not within its valid time"):
        cloud.login(lambda: assertion).get_token(SCOPE)
    cloud.move_clock(59 * 60)
    assert status() == 403  # it has no role, but it is a good token
    cloud.move_clock(61 * 60)
    assert status() == 401


def test_the_identity_service_of_a_job_wants_its_token(cloud: Cloud) -> None:
    runner = cloud.runner()
    answer = cloud.arm.client.get(runner["ACTIONS_ID_TOKEN_REQUEST_URL"], headers={"Authorization": "bearer guess"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"issuer": "http://x"}, "https", id="issuer"),
        pytest.param({"subject": ""}, "subject", id="subject"),
        pytest.param({"name": "a"}, "name", id="name"),
        pytest.param({"name": "twin"}, "already exists", id="twin"),
    ],
)
def test_a_federated_credential_is_checked(cloud: Cloud, change: dict[str, str], words: str) -> None:
    answer = cloud.trust(**{"issuer": ISSUER, "subject": SUBJECT, **change})
    assert answer.status_code in (400, 409)
    assert words in answer.json()["error"]["message"]


def test_federated_credentials_are_listed_and_go_with_their_identity(cloud: Cloud) -> None:
    listed = cloud.arm("GET", f"{cloud.identity}/federatedIdentityCredentials", version=V).json()["value"]
    assert [one["name"] for one in listed] == ["github"]
    cloud.arm.done("DELETE", cloud.identity, version=V)
    assert cloud.arm("GET", cloud.credential, version=V).status_code == 404


@pytest.mark.parametrize(
    "wanted", [pytest.param({"kind": "jenkins", "subject": "x"}, id="kind"), pytest.param([], id="list")]
)
def test_a_runner_that_cannot_be(emulator: Any, wanted: Any) -> None:
    answer = httpx.post(f"{emulator.portal}/runners", json=wanted, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequest")


def test_the_clouds_metadata_is_one_object(emulator: Any, arm: Any) -> None:
    found = arm.client.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    assert found["resourceManager"] == found["authentication"]["loginEndpoint"] == emulator.resource_manager
    assert found["microsoftGraphResourceId"]
    (older,) = arm.client.get("/metadata/endpoints", params={"api-version": "2020-06-01"}).json()
    assert older["name"] == found["name"]
