"""Tokens, roles and who may do what."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
ENFORCE = {"enforce_access_to_default_secret_stores": "enabled"}
V = "2022-04-01"
SECRET = "s"


class Application:
    """A service principal that signs in with a secret, and the roles it is given."""

    def __init__(self, emulator: Any, arm: Any, as_: Callable[[str], Any]) -> None:
        self.client_id = str(uuid.uuid4())
        self._emulator, self._arm, self._as = emulator, arm, as_
        self.object_id = jwt.decode(self.token(), options={"verify_signature": False})["oid"]

    def token(self, scope: str = "https://management.azure.com/.default", secret: str = SECRET) -> str:
        answer = self.sign_in(scope=scope, secret=secret)
        return str(answer.raise_for_status().json()["access_token"])

    def sign_in(self, *, scope: str, secret: str = SECRET, grant: str = "client_credentials") -> httpx.Response:
        form = {"grant_type": grant, "client_id": self.client_id, "client_secret": secret, "scope": scope}
        answer: httpx.Response = self._arm.client.post(f"/{self._emulator.tenant_id}/oauth2/v2.0/token", data=form)
        return answer

    def assign(self, role: str, scope: str, **more: Any) -> str:
        id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"/subscriptions/{self._arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        body = {"properties": {"principalId": self.object_id, "roleDefinitionId": definition, **more}}
        self._arm.done("PUT", id, body, version=V)
        return id

    def arm(self) -> Any:
        return self._as(self.token())


@pytest.fixture
def application(emulator: Any, arm: Any, arm_as: Callable[[str], Any]) -> Application:
    return Application(emulator, arm, arm_as)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({}, "AuthenticationFailed", id="none"),
        pytest.param({"Authorization": "Basic eA=="}, "AuthenticationFailedInvalidHeader", id="basic"),
        pytest.param({"Authorization": "Bearer"}, "AuthenticationFailedInvalidHeader", id="empty"),
        pytest.param({"Authorization": "Bearer nonsense"}, "InvalidAuthenticationToken", id="nonsense"),
    ],
)
def test_without_a_good_token(arm: Any, change: dict[str, str], code: str) -> None:
    del arm.client.headers["Authorization"]
    answer = arm.client.get(arm.lab, params={"api-version": "2024-04-01"}, headers=change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_a_forged_token(arm_as: Callable[[str], Any], arm: Any) -> None:
    real = arm.client.headers["Authorization"].partition(" ")[2]
    claims = jwt.decode(real, options={"verify_signature": False})
    forged = jwt.encode(claims, "guess-guess-guess-guess-guess-guess", algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    for token in (forged, unsigned):
        assert arm_as(token)("GET", arm.lab).status_code == 401


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        pytest.param("https://management.azure.com/.default", 200, id="public"),
        pytest.param("https://management.azure.com//.default", 200, id="public-with-slash"),
        pytest.param("https://management.core.windows.net/.default", 200, id="classic"),
        pytest.param("{resource_manager}/.default", 200, id="own-address"),
        pytest.param("https://ml.azure.com/.default", 401, id="machine-learning"),
        pytest.param("https://storage.azure.com/.default", 401, id="storage"),
    ],
)
def test_audiences(
    emulator: Any, arm: Any, arm_as: Callable[[str], Any], application: Application, scope: str, status: int
) -> None:
    application.assign(READER, arm.lab)
    token = application.token(scope.format(resource_manager=emulator.resource_manager))
    answer = arm_as(token)("GET", arm.lab)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_a_token_that_has_expired(
    start_emulator: Callable[..., Any], arm_of: Callable[..., Any], connect: Callable[..., httpx.Client]
) -> None:
    profile = start_emulator()
    httpx.put(f"{profile.portal}/settings", json={"token_lifetime_seconds": 0}, trust_env=False).raise_for_status()
    answer = arm_of(profile)("GET", "/subscriptions", version="2022-12-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")


def test_claims(arm: Any) -> None:
    claims = jwt.decode(arm.client.headers["Authorization"].partition(" ")[2], options={"verify_signature": False})
    assert {"aud", "oid", "tid", "exp", "appid", "iss"} <= set(claims)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        pytest.param({"scope": "https://management.azure.com/read"}, 400, "invalid_scope", id="scope"),
        pytest.param({"scope": "x/.default", "secret": ""}, 401, "invalid_client", id="no-secret"),
        pytest.param({"scope": "x/.default", "grant": "password"}, 400, "unsupported_grant_type", id="grant"),
    ],
)
def test_the_token_endpoint_refuses(application: Application, change: Any, status: int, error: str) -> None:
    answer = application.sign_in(**change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "AADSTS" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("parameters", "headers", "status"),
    [
        pytest.param({"resource": "r", "api-version": "2019-08-01"}, {"X-IDENTITY-HEADER": "x"}, 200, id="good"),
        pytest.param({"resource": "r", "api-version": "2019-08-01"}, {}, 401, id="no-header"),
        pytest.param({"api-version": "2019-08-01"}, {"X-IDENTITY-HEADER": "x"}, 400, id="no-resource"),
        pytest.param({"resource": "r"}, {"X-IDENTITY-HEADER": "x"}, 400, id="no-version"),
        pytest.param(
            {"resource": "r", "api-version": "1", "client_id": "nobody"}, {"X-IDENTITY-HEADER": "x"}, 400, id="nobody"
        ),
    ],
)
def test_the_identity_endpoint(emulator: Any, parameters: Any, headers: Any, status: int) -> None:
    answer = httpx.get(emulator.identity_endpoint, params=parameters, headers=headers, trust_env=False)
    assert answer.status_code == status


def test_a_user_assigned_identity_by_its_client_id(emulator: Any, arm: Any, arm_as: Callable[[str], Any]) -> None:
    id = f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/badge"
    known = arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31").json()["properties"]
    parameters = {"api-version": "2019-08-01", "resource": "https://management.azure.com"}
    answer = httpx.get(
        emulator.identity_endpoint,
        params={**parameters, "client_id": known["clientId"]},
        headers={"X-IDENTITY-HEADER": "x"},
        trust_env=False,
    )
    token = answer.json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["oid"] == known["principalId"]
    assert arm_as(token)("GET", arm.lab).json()["error"]["code"] == "AuthorizationFailed"


def test_refusals_speak_as_azure_does(arm: Any, application: Application) -> None:
    answer = application.arm()("PUT", f"{arm.lab}/connections/mine", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert answer.json()["error"]["message"] == (
        f"The client '{application.client_id}' with object id '{application.object_id}' does not have authorization to "
        "perform action 'Microsoft.MachineLearningServices/workspaces/connections/write' over scope "
        f"'{arm.lab}/connections/mine' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )


@pytest.mark.parametrize(
    ("role", "above", "reads", "writes", "lists_secrets"),
    [
        pytest.param(READER, "subscription", True, False, False, id="reader-on-subscription"),
        pytest.param(READER, "group", True, False, False, id="reader-on-group"),
        pytest.param(READER, "annex", False, False, False, id="reader-elsewhere"),
        pytest.param(DATA_SCIENTIST, "lab", True, True, True, id="data-scientist"),
        pytest.param(SECRETS_READER, "lab", False, False, True, id="secrets-reader"),
    ],
)
def test_roles(
    arm: Any, application: Application, role: str, above: str, reads: bool, writes: bool, lists_secrets: bool
) -> None:
    connection = f"{arm.lab}/connections/guarded"
    body = {"properties": {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"a": "b"}}}}
    arm.done("PUT", connection, body)
    scopes = {
        "subscription": f"/subscriptions/{arm.subscription}",
        "group": arm.group,
        "annex": arm.annex,
        "lab": arm.lab,
    }
    application.assign(role, scopes[above])
    caller = application.arm()
    assert (caller("GET", connection).status_code == 200) is reads
    assert (caller("PUT", connection, body).status_code == 200) is writes
    secrets = caller("POST", f"{connection}/listsecrets")
    assert (secrets.status_code == 200) is lists_secrets
    if lists_secrets:
        assert secrets.json()["properties"]["credentials"] == {"keys": {"a": "b"}}
    assert "credentials" not in arm("GET", connection).json()["properties"]
    arm.done("DELETE", connection)


def test_a_role_that_is_taken_away(arm: Any, application: Application) -> None:
    assignment = application.assign(READER, arm.lab)
    caller = application.arm()
    assert caller("GET", arm.lab).status_code == 200
    arm.done("DELETE", assignment, version=V)
    assert caller("GET", arm.lab).status_code == 403


def test_what_a_caller_may_do(arm: Any, application: Application) -> None:
    where = f"{arm.lab}/providers/Microsoft.Authorization/permissions"
    caller = application.arm()
    assert caller("GET", where, version=V).json() == {"value": []}
    application.assign(READER, arm.group)
    held = caller("GET", where, version=V).json()["value"]
    assert [role["actions"] for role in held] == [["*/read"]]


def test_a_custom_role(arm: Any, application: Application) -> None:
    guid = str(uuid.uuid4())
    definition = f"{arm.group}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    permissions = [{"actions": ["Microsoft.MachineLearningServices/*/read"], "notActions": ["*/connections/read"]}]
    body = {"properties": {"roleName": "Looker", "permissions": permissions, "assignableScopes": [arm.group]}}
    arm.done("PUT", definition, body, version=V)
    found = arm("GET", f"{arm.lab}/providers/Microsoft.Authorization/roleDefinitions", version=V,
                **{"$filter": "roleName eq 'Looker'"}).json()["value"]  # fmt: skip
    assert [role["name"] for role in found] == [guid]
    application.assign(guid, arm.lab)
    caller = application.arm()
    assert caller("GET", arm.lab).status_code == 200
    assert caller("GET", f"{arm.lab}/connections").status_code == 403


def test_assignments_are_strict(arm: Any, application: Application) -> None:
    id = application.assign(READER, arm.lab)
    kept = arm("GET", id, version=V).json()["properties"]
    same = {"properties": {"principalId": kept["principalId"], "roleDefinitionId": kept["roleDefinitionId"]}}
    assert arm("PUT", id, same, version=V).status_code == 200
    twin = f"{arm.lab}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert arm.error(arm("PUT", twin, same, version=V))[:2] == (409, "RoleAssignmentExists")
    other = {"properties": {**same["properties"], "principalId": str(uuid.uuid4()), "principalType": "User"}}
    assert arm.error(arm("PUT", id, other, version=V))[1] == "RoleAssignmentUpdateNotPermitted"
    stranger = {"properties": {**same["properties"], "principalId": str(uuid.uuid4())}}
    assert arm.error(arm("PUT", twin, stranger, version=V))[1] == "PrincipalNotFound"
    unknown = {"properties": {**same["properties"], "roleDefinitionId": str(uuid.uuid4())}}
    assert arm.error(arm("PUT", twin, unknown, version=V))[1] == "RoleDefinitionDoesNotExist"


def test_a_role_takes_time_to_spread(start_emulator: Callable[..., Any], arm_of: Any, connect: Any) -> None:
    profile = start_emulator()
    arm = arm_of(profile)
    application = Application(profile, arm, lambda token: type(arm)(connect(profile, token)))
    settings = {"role_propagation_seconds": 600}
    httpx.put(f"{profile.portal}/settings", json=settings, trust_env=False).raise_for_status()
    application.assign(READER, arm.lab)
    assert application.arm()("GET", arm.lab).status_code == 403
    httpx.put(f"{profile.portal}/settings", json={"role_propagation_seconds": 0}, trust_env=False).raise_for_status()
    assert application.arm()("GET", arm.lab).status_code == 200


def test_the_flag_needs_a_creator_who_may_list_secrets(arm: Any, bodies: Any, application: Application) -> None:
    guid = str(uuid.uuid4())
    definition = f"{arm.group}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    permissions = [{"actions": ["*"], "notActions": ["*/listsecrets/action"]}]
    arm.done("PUT", definition, {"properties": {"roleName": "Deployer", "permissions": permissions}}, version=V)
    application.assign(guid, arm.group)
    caller = application.arm()
    flagged, plain = (f"{arm.lab}/onlineEndpoints/{name}" for name in ("flagged", "unflagged"))
    body = bodies["endpoint"](properties={"properties": ENFORCE})
    refused = caller("PUT", flagged, body)
    assert refused.status_code == 403
    assert "connections/listsecrets/action" in refused.json()["error"]["message"]
    caller.done("PUT", plain, bodies["endpoint"]())

    arm.done("PUT", flagged, body)
    deployment = bodies["deployment"](arm.assets())
    again = caller("PUT", f"{flagged}/deployments/blue", deployment)
    assert (again.status_code, again.json()["error"]["code"]) == (403, "AuthorizationFailed")
    for id in (flagged, plain):
        identity = arm("GET", id).json()["identity"]["principalId"]
        held = arm("GET", f"{arm.lab}/providers/Microsoft.Authorization/roleAssignments", version=V,
                   **{"$filter": f"principalId eq '{identity}'"}).json()["value"]  # fmt: skip
        roles = {item["properties"]["roleDefinitionId"].rpartition("/")[2] for item in held}
        assert (SECRETS_READER in roles) is (id == flagged)
        arm.done("DELETE", id)
