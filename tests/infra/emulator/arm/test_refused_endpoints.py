"""What fails on Azure fails here: same status, same code, same words."""

from typing import Any

import pytest

ENFORCE = {"enforce_access_to_default_secret_stores": "enabled"}


@pytest.mark.parametrize(
    ("method", "path", "version", "status", "code", "words"),
    [
        pytest.param("GET", "{lab}", None, 400, "MissingApiVersionParameter", "is required for all", id="no-version"),
        pytest.param("GET", "{lab}", "2099-01-01", 400, "NoRegisteredProviderFound", "2024", id="unknown-version"),
        pytest.param("GET", "{lab}", "latest", 400, "InvalidApiVersionParameter", "'latest'", id="malformed-version"),
        pytest.param("GET", "{lab}/pancakes", "2024-04-01", 404, "InvalidResourceType", "pancakes", id="unknown-type"),
        pytest.param("GET", "{lab}/jobs", "2024-04-01", 501, "NotImplemented", "jobs", id="azure-only"),
        pytest.param("POST", "{lab}/listKeys", "2024-04-01", 501, "NotImplemented", "listkeys", id="azure-action"),
        pytest.param(
            "POST",
            "{lab}/onlineEndpoints/none/restart",
            "2024-04-01",
            501,
            "NotImplemented",
            "restart",
            id="action-below",
        ),
        pytest.param(
            "GET", "{lab}/onlineEndpoints/none/pans", "2024-04-01", 404, "InvalidResourceType", "pans", id="type-below"
        ),
        pytest.param("DELETE", "{lab}/onlineEndpoints", "2024-04-01", 405, "MethodNotAllowed", "DELETE", id="method"),
        pytest.param(
            "GET",
            "{group}/providers/Microsoft.Pancakes/pans/p",
            "2024-04-01",
            404,
            "InvalidResourceNamespace",
            "Microsoft.Pancakes",
            id="unknown-provider",
        ),
        pytest.param(
            "GET",
            "{group}x/providers/Microsoft.MachineLearningServices/workspaces/w",
            "2024-04-01",
            404,
            "ResourceGroupNotFound",
            "'mlx'",
            id="no-such-group",
        ),
        pytest.param(
            "GET",
            "/subscriptions/00000000-0000-0000-0000-00000000ffff/resourceGroups/g",
            "2022-09-01",
            404,
            "SubscriptionNotFound",
            "00000000ffff",
            id="no-such-subscription",
        ),
        pytest.param("GET", "{lab}x", "2024-04-01", 404, "ResourceNotFound", "workspaces/labx", id="no-such-workspace"),
        pytest.param(
            "GET", "{lab}x/connections/c", "2024-04-01", 404, "ParentResourceNotFound", "labx", id="no-such-parent"
        ),
        pytest.param(
            "PUT",
            "{lab}/onlineEndpoints/none/deployments/blue",
            "2024-04-01",
            404,
            "ParentResourceNotFound",
            "none",
            id="deployment-without-endpoint",
        ),
    ],
)
def test_addresses(arm: Any, method: str, path: str, version: str, status: int, code: str, words: str) -> None:
    answer = arm(method, path.format(lab=arm.lab, group=arm.group), {} if method == "PUT" else None, version=version)
    assert arm.error(answer)[:2] == (status, code)
    assert words in arm.error(answer)[2]


def test_names_compare_without_case_and_keep_their_first_spelling(arm: Any) -> None:
    upper = arm.lab.replace("resourceGroups", "RESOURCEGROUPS").replace("workspaces/lab", "WorkSpaces/LAB")
    assert arm("GET", upper).json()["id"] == arm.lab


@pytest.mark.parametrize(
    ("name", "change", "status", "code", "words"),
    [
        pytest.param("ab", {}, 400, "BadRequest", "3 to 32 characters", id="name-short"),
        pytest.param("a" * 33, {}, 400, "BadRequest", "3 to 32 characters", id="name-long"),
        pytest.param("1abc", {}, 400, "BadRequest", "begin with a letter", id="name-digit-first"),
        pytest.param("a--bc", {}, 400, "BadRequest", "single '-'", id="name-double-hyphen"),
        pytest.param("abc-", {}, 400, "BadRequest", "end with a letter", id="name-hyphen-last"),
        pytest.param("fine", {"location": "westus"}, 400, "InvalidResourceLocation", "westus", id="other-region"),
        pytest.param("fine", {"properties": {"authMode": "Magic"}}, 400, "BadRequest", "Magic", id="auth-mode"),
        pytest.param("fine", {"properties": {"traffic": {"blue": 100}}}, 400, "BadRequest", "being", id="traffic"),
        pytest.param("fine", {"identity": {"type": "None"}}, 400, "BadRequest", "identity type", id="identity-type"),
        pytest.param(
            "fine",
            {"identity": {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/x/y/z": {}}}},
            400,
            "FailedIdentityOperation",
            "not found",
            id="identity-missing",
        ),
        pytest.param("fine", {"tags": {"a": {"b": 1}}}, 400, "BadRequest", "to type 'System.String'", id="tags"),
        pytest.param("fine", {"tags": {"a": "b" * 257}}, 400, "InvalidTagValueLength", "too long", id="tag-too-long"),
        pytest.param("fine", {"tags": {str(i): "" for i in range(51)}}, 400, "TooManyTags", "50", id="too-many-tags"),
        pytest.param(
            "fine",
            {"properties": {"properties": {"enforce_access_to_default_secret_stores": "maybe"}}},
            400,
            "BadRequest",
            "enabled or disabled",
            id="flag-value",
        ),
    ],
)
def test_endpoints_that_are_refused(
    arm: Any, bodies: Any, name: str, change: dict[str, Any], status: int, code: str, words: str
) -> None:
    answer = arm("PUT", f"{arm.lab}/onlineEndpoints/{name}", bodies["endpoint"](**change))
    assert arm.error(answer)[:2] == (status, code)
    assert words in arm.error(answer)[2]
    assert arm("GET", f"{arm.lab}/onlineEndpoints/{name}").status_code == 404


@pytest.fixture
def endpoint(arm: Any) -> Any:
    id = arm.endpoint("strict")
    yield id
    arm.done("PUT", id, arm("GET", id).json() | {"properties": {"authMode": "Key", "traffic": {}}})
    arm.done("DELETE", id)


def test_an_endpoint_name_is_taken_in_the_whole_region(arm: Any, bodies: Any, endpoint: str) -> None:
    other = f"{arm.group}/providers/Microsoft.MachineLearningServices/workspaces/other"
    arm.done("PUT", other, {"location": "eastus"})
    answer = arm("PUT", f"{other}/onlineEndpoints/STRICT", bodies["endpoint"]())
    assert arm.error(answer)[:2] == (400, "UserError")
    assert "An endpoint with this name already exists" in arm.error(answer)[2]
    elsewhere = f"{arm.annex}/onlineEndpoints/strict"
    arm.done("PUT", elsewhere, bodies["endpoint"](location="westus"))
    arm.done("DELETE", elsewhere)
    arm.done("DELETE", other)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        pytest.param({"traffic": {"ghost": 100}}, "'ghost'", id="unknown-deployment"),
        pytest.param({"traffic": {"blue": 60}}, "either 0 or 100, it is 60", id="sum"),
        pytest.param({"traffic": {"blue": 101}}, "from 0 to 100", id="more-than-all"),
        pytest.param({"traffic": {"blue": 50.5}}, "to type 'System.Int32'", id="fraction"),
        pytest.param(
            {"traffic": {"blue": 100}, "mirrorTraffic": {"blue": 10}}, "no live traffic", id="live-and-mirrored"
        ),
        pytest.param({"mirrorTraffic": {"blue": 51}}, "50 percent at most", id="mirror-too-much"),
        pytest.param({"mirrorTraffic": {"blue": 10, "green": 10}}, "one deployment", id="mirror-two"),
    ],
)
def test_traffic_that_is_refused(arm: Any, bodies: Any, traffic_endpoint: str, properties: Any, words: str) -> None:
    answer = arm("PUT", traffic_endpoint, bodies["endpoint"](properties=properties))
    assert arm.error(answer)[:2] == (400, "BadRequest")
    assert words in arm.error(answer)[2]
    assert arm("GET", traffic_endpoint).json()["properties"]["traffic"] == {}


@pytest.fixture(scope="module")
def traffic_endpoint(emulator: Any, connect: Any, bodies: Any, arm_class: Any) -> Any:
    with connect(emulator) as client:
        arm = arm_class(client)
        id, assets = arm.endpoint("traffic"), arm.assets()
        for name in ("blue", "green"):
            answer = arm("PUT", f"{id}/deployments/{name}", bodies["deployment"](assets))
            assert answer.status_code == 201, answer.text
            arm.finish(answer)
        yield id
        arm.done("DELETE", id)


def test_a_deployment_with_traffic_stays(arm: Any, bodies: Any, traffic_endpoint: str) -> None:
    arm.done("PUT", traffic_endpoint, bodies["endpoint"](properties={"traffic": {"blue": 100}}))
    answer = arm("DELETE", f"{traffic_endpoint}/deployments/blue")
    assert arm.error(answer)[:2] == (400, "BadRequest")
    assert "has 100% live traffic" in arm.error(answer)[2]
    assert arm("GET", f"{traffic_endpoint}/deployments/blue").json()["properties"]["provisioningState"] == "Succeeded"
    arm.done("PUT", traffic_endpoint, bodies["endpoint"]())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"instanceType": None}, "InstanceType field is required", id="no-size"),
        pytest.param({"instanceType": "Standard_X"}, "Not supported VM size Standard_X", id="unknown-size"),
        pytest.param({"capacity": 0}, "at least 1", id="no-instances"),
        pytest.param({"capacity": 51}, "limit of 50", id="too-many-instances"),
        pytest.param({"endpointComputeType": "Kubernetes"}, "only Managed", id="compute-type"),
        pytest.param({"requestSettings": {"requestTimeout": "PT4M"}}, "maximum of 180 s", id="timeout-too-long"),
        pytest.param({"requestSettings": {"requestTimeout": "90"}}, "ISO 8601 duration", id="timeout-malformed"),
        pytest.param({"livenessProbe": {"successThreshold": 2}}, "must be 1", id="liveness-threshold"),
        pytest.param({"readinessProbe": {"initialDelay": "PT0.5S"}}, "at least one second", id="delay-too-short"),
        pytest.param({"readinessProbe": {"wait": "PT5S"}}, "no field wait", id="probe-field"),
        pytest.param({"environmentId": None}, "'Image' must not be empty", id="no-environment"),
        pytest.param({"modelMountPath": "models"}, "absolute path", id="relative-mount"),
        pytest.param({"scaleSettings": {"scaleType": "TargetUtilization"}}, "Default only", id="scale-type"),
        pytest.param({"codeConfiguration": {"codeId": "x"}}, "scoringScript field is required", id="no-script"),
    ],
)
def test_deployments_that_are_refused(arm: Any, bodies: Any, traffic_endpoint: str, change: Any, words: str) -> None:
    body = bodies["deployment"](arm.assets(), **change)
    answer = arm("PUT", f"{traffic_endpoint}/deployments/red", body)
    assert arm.error(answer)[:2] == (400, "BadRequest")
    assert words in arm.error(answer)[2]
    assert arm("GET", f"{traffic_endpoint}/deployments/red").status_code == 404


def test_neither_code_nor_routes(arm: Any, bodies: Any, traffic_endpoint: str) -> None:
    plain = f"{arm.lab}/environments/plain/versions/1"
    arm.done("PUT", plain, {"properties": {"image": "example.org/plain:1"}})
    body = bodies["deployment"]({"environment": plain, "code": ""}, codeConfiguration=None)
    answer = arm("PUT", f"{traffic_endpoint}/deployments/red", body)
    assert answer.json()["error"]["details"][0]["code"] == "MissingDriverProgram"
    body = bodies["deployment"](arm.assets(), environmentId=plain, modelMountPath="/models")
    assert "inference config only" in arm.error(arm("PUT", f"{traffic_endpoint}/deployments/red", body))[2]


def test_the_size_of_a_deployment_is_for_ever(arm: Any, bodies: Any, traffic_endpoint: str) -> None:
    body = bodies["deployment"](arm.assets(), instanceType="Standard_NC40ads_H100_v5")
    answer = arm("PUT", f"{traffic_endpoint}/deployments/blue", body)
    assert arm.error(answer)[:2] == (400, "BadRequest")
    assert "instanceType of a deployment cannot be changed" in arm.error(answer)[2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            {"identity": {"type": "UserAssigned"}}, "identity of an endpoint cannot be changed", id="identity"
        ),
        pytest.param({"properties": {"properties": {"stage": "two"}}}, "'stage' cannot be altered", id="property"),
    ],
)
def test_what_an_endpoint_never_changes(arm: Any, bodies: Any, change: dict[str, Any], words: str) -> None:
    id = arm.endpoint("for-ever", properties={"properties": {"stage": "one"}})
    answer = arm("PUT", id, bodies["endpoint"](**change))
    assert words in arm.error(answer)[2]
    arm.done("PUT", id, bodies["endpoint"]())
    assert arm("GET", id).json()["properties"]["properties"]["stage"] == "one"
    arm.done("DELETE", id)


def test_the_flag_is_not_for_user_assigned_identities(arm: Any, bodies: Any) -> None:
    identity = f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/walker"
    arm.done("PUT", identity, {"location": "eastus"}, version="2023-01-31")
    who = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    flagged = bodies["endpoint"](identity=who, properties={"properties": ENFORCE})
    answer = arm("PUT", f"{arm.lab}/onlineEndpoints/walked", flagged)
    assert "cannot be used with a user-assigned identity" in arm.error(answer)[2]
    id = arm.endpoint("walked", identity=who)
    assigned = arm("GET", id).json()["identity"]["userAssignedIdentities"][identity]
    known = arm("GET", identity, version="2023-01-31").json()["properties"]
    assert assigned == {"principalId": known["principalId"], "clientId": known["clientId"]}
    arm.done("DELETE", id)
