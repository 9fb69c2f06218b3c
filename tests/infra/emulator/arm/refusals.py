"""What Azure refuses and the emulator refuses, too: one row each, as docs/emulator-refusals.md lists them."""

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

from tests.infra.emulator.arm.refusal_stage import Stage, V

ENFORCE = {"enforce_access_to_default_secret_stores": "enabled"}
IMPATIENT = {"initialDelay": "PT1S", "period": "PT1S", "failureThreshold": 1}
KEYS = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_", "credentials": {"keys": {"K": "value"}}}
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
LIKE = {"DimensionName": "deployment", "Operator": "Like", "Values": ["blue"]}
INJECTION = "Failed to retrieve and inject workspace connection secrets."


def with_header(stage: Stage, **headers: str) -> Any:
    client = stage.arm.client
    return client.get(stage.lab, params={"api-version": "2024-04-01"}, headers={"Authorization": "", **headers})


def raw(stage: Stage, content: bytes, kind: str = "application/json") -> Any:
    url = f"{stage.lab}/onlineEndpoints/rows-raw?api-version=2024-04-01"
    return stage.arm.client.put(url, content=content, headers={"Content-Type": kind})


def under_traffic(stage: Stage) -> Any:
    stage.arm.done("PUT", stage.endpoint, stage.bodies["endpoint"](properties={"traffic": {"blue": 100}}))
    answer = stage.arm("DELETE", stage.blue)
    stage.arm.done("PUT", stage.endpoint, stage.bodies["endpoint"]())
    return answer


def flag_with_user_assigned(stage: Stage) -> Any:
    id = f"{stage.arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/rows"
    stage.arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31")
    identity = {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    return stage.put_endpoint("rows-uai", identity=identity, properties={"properties": ENFORCE})


def without_list_secrets(stage: Stage) -> Any:
    guid = str(uuid.uuid4())
    id = f"{stage.arm.group}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    permissions = [{"actions": ["*"], "notActions": ["*/listsecrets/action"]}]
    stage.arm.done("PUT", id, {"properties": {"roleName": "Rows", "permissions": permissions}}, version=V)
    body = stage.bodies["endpoint"](properties={"properties": ENFORCE})
    return stage.somebody(guid)("PUT", f"{stage.lab}/onlineEndpoints/rows-flag", body)


def role_not_effective_yet(stage: Stage) -> Any:
    identity = stage.arm("GET", stage.endpoint).json()["identity"]["principalId"]
    assignment = stage.assign(identity, "ea01e6af-a1c1-4350-9563-ad00f8c72ec5", stage.lab)
    try:
        # All roles spread so late then, the owner's of long ago excepted.
        stage.settings(role_propagation_seconds=600)
        return stage.deploy_with("azureml://connections/Rows/credentials/K")
    finally:
        stage.settings(role_propagation_seconds=0)
        stage.arm.done("DELETE", assignment, version=V)


def with_role(stage: Stage, reference: str) -> Any:
    identity = stage.arm("GET", stage.endpoint).json()["identity"]["principalId"]
    assignment = stage.assign(identity, "ea01e6af-a1c1-4350-9563-ad00f8c72ec5", stage.lab)
    stage.arm.done("PUT", f"{stage.lab}/connections/Rows", {"properties": KEYS})
    try:
        return stage.deploy_with(reference)
    finally:
        stage.arm.done("DELETE", assignment, version=V)


def under_an_identity(stage: Stage, *roles: str) -> Any:
    """The error of a deployment on an endpoint whose user-assigned identity has these roles in the resource group."""
    id = f"{stage.arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/rows-{uuid.uuid4().hex[:6]}"
    known = stage.arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31").json()["properties"]
    for role in roles:
        stage.assign(known["principalId"], role, stage.arm.group)
    endpoint = f"{stage.lab}/onlineEndpoints/rows-uai"
    identity = {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    stage.arm.done("PUT", endpoint, stage.bodies["endpoint"](identity=identity))
    error = stage.arm.finish(stage.deploy(id=f"{endpoint}/deployments/red"))["error"]
    stage.arm.done("DELETE", endpoint)
    return error


def on_a_small_disk(stage: Stage) -> Any:
    stage.settings(disk_gigabytes=20)
    try:
        return stage.deploy_to_its_end()
    finally:
        stage.settings(disk_gigabytes=0)


def expired(stage: Stage) -> Any:
    stage.settings(token_lifetime_seconds=0)
    token = stage.token()
    stage.settings(token_lifetime_seconds=86_400)
    return with_header(stage, Authorization=f"Bearer {token}")


def other_name(stage: Stage) -> Any:
    other = f"{stage.arm.group}/providers/Microsoft.MachineLearningServices/workspaces/rows-twin"
    stage.arm.done("PUT", other, {"location": "eastus"})
    return stage.put_endpoint("ROWS", other)


def changed_environment(stage: Stage) -> Any:
    return stage.arm("PUT", stage.assets["environment"], {"properties": {"image": "another:1"}})


def while_the_endpoint_settles(stage: Stage, method: str) -> Any:
    """What is done to a deployment moments after its endpoint reported success."""
    stage.settings(endpoint_settle_seconds=600)
    stage.arm.done("PUT", stage.endpoint, stage.bodies["endpoint"]())
    body = {"PUT": stage.bodies["deployment"](stage.assets), "PATCH": {"tags": {}}, "DELETE": None}[method]
    answer = stage.arm(method, f"{stage.endpoint}/deployments/red" if method == "PUT" else stage.blue, body)
    stage.settings(endpoint_settle_seconds=0)
    return answer


def while_the_endpoint_is_updated(stage: Stage) -> Any:
    hold = [{"method": "PUT", "path": "onlineEndpoints/rows", "operation": "never", "times": 1}]
    faults = f"{stage.emulator.portal}/faults"
    httpx.put(faults, json=hold, trust_env=False).raise_for_status()
    began = stage.put_endpoint()
    answer = stage.deploy()
    httpx.put(faults, json=[], trust_env=False).raise_for_status()
    stage.arm.finish(began)
    return answer


class Row(NamedTuple):
    """What is asked for, and the answer: its status (`operation` for one that begins and fails), code and words."""

    name: str
    status: int | str
    code: str
    words: str
    ask: Callable[[Stage], Any]


ROWS = [
    Row("api-version missing", 400, "MissingApiVersionParameter", "is required for all requests",
        lambda s: s.arm("GET", s.lab, version=None)),
    Row("api-version unknown", 400, "NoRegisteredProviderFound", "The supported api-versions are",
        lambda s: s.arm("GET", s.lab, version="2099-01-01")),
    Row("unknown resource type", 404, "InvalidResourceType", "could not be found in the namespace",
        lambda s: s.arm("GET", f"{s.lab}/pancakes")),
    Row("unknown method", 405, "MethodNotAllowed", "does not support http method 'DELETE'",
        lambda s: s.arm("DELETE", f"{s.lab}/onlineEndpoints")),
    Row("parent missing", 404, "ParentResourceNotFound", "because the parent resource",
        lambda s: s.deploy(id=f"{s.lab}/onlineEndpoints/none/deployments/blue")),
    Row("resource missing", 404, "ResourceNotFound", "was not found", lambda s: s.arm("GET", f"{s.lab}x")),
    Row("invalid endpoint name", 400, "BadRequest", "3 to 32 characters", lambda s: s.put_endpoint("ab")),
    Row("invalid deployment name", 400, "BadRequest", "begin with a letter",
        lambda s: s.deploy(id=f"{s.endpoint}/deployments/1abc")),
    Row("endpoint name taken in the region", 400, "UserError", "An endpoint with this name already exists", other_name),
    Row("asset version that exists with other content", 409, "UserError", "already exists", changed_environment),
    Row("endpoint on Kubernetes (Azure has them)", 501, "NotImplemented", "managed online endpoints only",
        lambda s: s.put_endpoint("rows-k8s", properties={"compute": f"{s.lab}/computes/cluster"})),
    Row("traffic at creation", 400, "BadRequest", "while the endpoint is being created",
        lambda s: s.put_endpoint("rows-new", properties={"traffic": {"blue": 100}})),
    Row("traffic does not add up", 400, "BadRequest", "must be either 0 or 100, it is 60",
        lambda s: s.traffic(traffic={"blue": 60})),
    Row("traffic to an unknown deployment", 400, "BadRequest", "does not exist",
        lambda s: s.traffic(traffic={"ghost": 100})),
    Row("mirrored traffic above 50 %", 400, "BadRequest", "50 percent at most",
        lambda s: s.traffic(mirrorTraffic={"blue": 51})),
    Row("deletion with traffic", 400, "BadRequest", "Set its traffic to 0 before deleting it", under_traffic),
    Row("deployment while its endpoint is being changed", 409, "Conflict",
        "because it is in Updating provisioning state", while_the_endpoint_is_updated),
    Row("deployment created just after its endpoint changed", 409, "Conflict", "Cannot create a deployment in endpoint",
        lambda s: while_the_endpoint_settles(s, "PUT")),
    Row("deployment scaled just after its endpoint changed", 409, "Conflict", "Cannot update a deployment in endpoint",
        lambda s: while_the_endpoint_settles(s, "PATCH")),
    Row("deployment deleted just after its endpoint changed", 409, "Conflict", "Cannot delete a deployment in endpoint",
        lambda s: while_the_endpoint_settles(s, "DELETE")),
    Row("enforce flag with a user-assigned identity", 400, "BadRequest",
        "cannot be used with a user-assigned identity", flag_with_user_assigned),
    Row("enforce flag by a caller without listsecrets", 403, "AuthorizationFailed",
        "connections/listsecrets/action", without_list_secrets),
    Row("identity without the role", "operation", "SecretsInjectionError", INJECTION,
        lambda s: s.deploy_with("azureml://connections/Rows/credentials/K")),
    Row("role not effective yet", "operation", "SecretsInjectionError", INJECTION, role_not_effective_yet),
    Row("user-assigned identity without AcrPull", "operation", "BadArgument",
        "does not have pull permission on the registry", under_an_identity),
    Row("user-assigned identity without Storage Blob Data Reader", "operation", "BadArgument",
        "does not have read permission on the blobs", lambda s: under_an_identity(s, ACR_PULL)),
    Row("connection missing", "operation", "SecretsInjectionError", "has no connection 'None'",
        lambda s: with_role(s, "azureml://connections/None/credentials/K")),
    Row("key of a connection missing", "operation", "SecretsInjectionError", "has no 'credentials/other'",
        lambda s: with_role(s, "azureml://connections/Rows/credentials/other")),
    Row("malformed reference", "operation", "SecretsInjectionError", "malformed secret reference",
        lambda s: with_role(s, "azureml://connection/Rows")),
    Row("instance type changed", 400, "BadRequest", "instanceType of a deployment cannot be changed",
        lambda s: s.deploy(id=s.blue, instanceType="Standard_NC40ads_H100_v5")),
    Row("identity of an endpoint changed", 400, "BadRequest", "identity of an endpoint cannot be changed",
        lambda s: s.put_endpoint(identity={"type": "UserAssigned"})),
    Row("quota: one instance counts as two", 400, "BadRequest", "Current usage/limit: 0/6. Additional needed: 8",
        lambda s: s.quota("Standard_DS3_v2", 1)),
    Row("quota: exempt sizes count once", 400, "BadRequest", "Current usage/limit: 0/48. Additional needed: 72",
        lambda s: s.quota("Standard_NC24ads_A100_v4", 3)),
    Row("quota: GPU families have none by default", 400, "BadRequest", "limit: 0/0. Additional needed: 40",
        lambda s: s.quota("Standard_NC40ads_H100_v5", 1)),
    Row("more than 50 instances", 400, "BadRequest", "exceeds the limit of 50", lambda s: s.deploy(51)),
    Row("unknown instance type", 400, "BadRequest", "Not supported VM size Standard_X",
        lambda s: s.deploy(instanceType="Standard_X")),
    Row("request time-out above 180 s", 400, "BadRequest", "maximum of 180 s",
        lambda s: s.deploy(requestSettings={"requestTimeout": "PT4M"})),
    Row("environment (image) not found", "operation", "BadArgument", "was not found",
        lambda s: s.deploy_to_its_end(environmentId=f"{s.lab}/environments/none/versions/1")),
    Row("image that was never built in its registry", "operation", "BadArgument", "Unable to download the user",
        lambda s: s.deploy_image(f"{s.login_server}/never:1")),
    Row("image in a registry that cannot be reached", "operation", "ResourceNotFound", "private or otherwise",
        lambda s: s.deploy_image("nowhere.azurecr.io/box:1")),
    Row("model not found", "operation", "BadArgument", "was not found",
        lambda s: s.deploy_to_its_end(model=f"{s.lab}/models/none/versions/1")),
    Row("container crashes", "operation", "ResourceNotReady", "User container has crashed or terminated",
        lambda s: s.script("crash.py")),
    Row("container starts too slowly", "operation", "ResourceNotReady", "User container did not become ready",
        lambda s: s.script("sleepy.py", livenessProbe=IMPATIENT, readinessProbe=IMPATIENT)),
    Row("image and model larger than the disk", "operation", "OutOfQuota", "no space left on device", on_a_small_disk),
    Row("token missing", 401, "AuthenticationFailed", "'Authorization' header is missing", with_header),
    Row("token expired", 401, "ExpiredAuthenticationToken", "is earlier than current UTC time", expired),
    Row("token for another audience", 401, "InvalidAuthenticationTokenAudience", "wrong audience or resource",
        lambda s: with_header(s, Authorization=f"Bearer {s.token('https://storage.azure.com')}")),
    Row("caller without a role", 403, "AuthorizationFailed", "does not have authorization to perform action",
        lambda s: s.somebody()("GET", s.lab)),
    Row("body with a content type other than JSON", 415, "UnsupportedMediaType", "media type 'text/plain'",
        lambda s: raw(s, b"{}", "text/plain")),
    Row("body nested too deeply", 400, "InvalidRequestContent", "MaxDepth of 64", lambda s: raw(s, b"[" * 5000)),
    Row("page size that is no number", 400, "InvalidQueryParameter", "'abc' of count is not a number",
        lambda s: s.arm("GET", f"{s.lab}/onlineEndpoints", count="abc")),
    Row("continuation token that was never given", 400, "InvalidQueryParameter", "'2' of $skip is not valid",
        lambda s: s.arm("GET", f"{s.lab}/onlineEndpoints", **{"$skip": "2"})),
    Row("location that is not a string", 400, "InvalidRequestContent", "to type 'System.String'",
        lambda s: s.put_endpoint("rows-place", location=5)),
    Row("properties that are not an object", 400, "InvalidRequestContent", "to type 'System.Object'",
        lambda s: s.arm("PUT", f"{s.lab}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
                        {"properties": "x"}, version=V)),
    Row("model of a registry without an environment", 501, "NotImplemented", "Name an environment beside it",
        lambda s: s.deploy(environmentId=None, model="azureml://registries/r/models/m/labels/latest")),
    Row("autoscale setting without a profile", 400, "BadRequest", "profiles needs at least one",
        lambda s: s.put_scaler(profiles=[])),
    Row("autoscale setting with a count that is no string", 400, "BadRequest", "a number written as a string",
        lambda s: s.put_scaler(maximum=4)),
    Row("autoscale setting with a default above its maximum", 400, "BadRequest", "minimum <= default <= maximum",
        lambda s: s.put_scaler(default="9")),
    Row("autoscale rule without a trigger", 400, "BadRequest", "rules.metricTrigger.metricName is required",
        lambda s: s.put_scaler(rules=[{"scaleAction": {}}])),
    Row("autoscale rule with a window below five minutes", 400, "BadRequest", "timeWindow must be between 5 minutes",
        lambda s: s.put_scaler(rules=[s.scale_rule(timeWindow="PT1M")])),
    Row("autoscale rule with a cooldown above a week", 400, "BadRequest", "cooldown must be between 1 minute",
        lambda s: s.put_scaler(rules=[s.scale_rule(cooldown="P8D")])),
    Row("autoscale rule that changes nothing", 400, "BadRequest", "value must be 1 or greater",
        lambda s: s.put_scaler(rules=[s.scale_rule(value="0")])),
    Row("autoscale rule with a threshold that is text", 400, "BadRequest", "threshold must be a number",
        lambda s: s.put_scaler(rules=[s.scale_rule(threshold="60")])),
    Row("autoscale rule with an unknown operator for a dimension", 400, "BadRequest", "be one of Equals, NotEquals",
        lambda s: s.put_scaler(rules=[s.scale_rule(dimensions=[LIKE])])),
    Row("autoscale profile every day instead of every week", 400, "BadRequest", "recurrence.frequency must be Week",
        lambda s: s.put_scaler(profiles=[s.recurring("UTC", frequency="Day")])),
    Row("autoscale profile in a time zone as IANA names it", 400, "BadRequest", "that Windows has for a time zone",
        lambda s: s.put_scaler(profiles=[s.recurring("Europe/Berlin")])),
    Row("two autoscale profiles of one name", 400, "BadRequest", "profiles.name must be different",
        lambda s: s.put_scaler(profiles=[s.recurring("UTC"), s.recurring("UTC")])),
    Row("second autoscale setting of one target", 409, "Conflict", "already has the autoscale setting 'rows'",
        lambda s: s.put_second_scaler()),
    Row("metric that an endpoint does not have", 400, "BadRequest", "metric: GpuUtilizationPercentage, Valid metrics: ",
        lambda s: s.metrics(metricnames="GpuUtilizationPercentage")),
    Row("metric at an interval that is none", 400, "BadRequest", "Invalid time grain PT2M",
        lambda s: s.metrics(interval="PT2M")),
    Row("metrics of a time span that ends before it begins", 400, "BadRequest", "must end after it begins",
        lambda s: s.metrics(timespan="2026-12-02T00:00:00Z/2026-12-01T00:00:00Z")),
    Row("metric by a dimension that it does not have", 400, "BadRequest", "RequestLatency has no dimension statusCode",
        lambda s: s.metrics(metricnames="RequestLatency", **{"$filter": "statusCode eq '200'"})),
    Row("body that violates the API documents", 400, "BadRequest", "The location field is required.",
        lambda s: s.arm("PUT", f"{s.lab}/onlineEndpoints/rows-body", {"properties": {"authMode": "Key"}})),
]  # fmt: skip
