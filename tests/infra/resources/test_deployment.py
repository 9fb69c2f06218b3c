"""Deployments converted from Azure's documents to states and back."""

from dataclasses import replace
from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.planning.plan import Action, plan_one
from infra.resources.base import Resource
from infra.resources.deployment import Deployment, ServedModel, restart
from infra.spec.deployment import DeploymentSpec

WORKSPACE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/group/providers/" + (
    "Microsoft.MachineLearningServices/workspaces/workspace"
)
FILLED_PROBE = {"timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S", "successThreshold": 1}


def deployment_document(state: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The document with which Azure answers after a PUT of this state, including what Azure adds."""
    environment, code = state["environment"].split(":"), state["code_configuration"]["code"].split(":")
    return {
        "id": f"{WORKSPACE}/onlineEndpoints/demo-endpoint/deployments/blue",
        "name": "blue",
        "tags": dict(state["tags"]),
        "sku": {"name": "Default", "capacity": state["instance_count"]},
        "properties": {
            "provisioningState": "Succeeded",
            "instanceType": "STANDARD_NC24ADS_A100_V4",
            "environmentId": f"{WORKSPACE}/environments/{environment[1]}/versions/{environment[2]}",
            "codeConfiguration": {
                "codeId": f"{WORKSPACE}/codes/{code[1]}/versions/{code[2]}",
                "scoringScript": "score.py",
            },
            "environmentVariables": {**state["environment_variables"], "AZUREML_ENTRY_SCRIPT": "score.py"},
            "requestSettings": {
                "maxConcurrentRequestsPerInstance": 64,
                "requestTimeout": "PT3M",
                "maxQueueWait": "PT0.5S",
            },
            "livenessProbe": {
                "initialDelay": "PT30S",
                "period": "PT10S",
                "timeout": "PT10S",
                "successThreshold": 1,
                "failureThreshold": 60,
            },
            "readinessProbe": {
                "initialDelay": "PT5S",
                "period": "PT5S",
                "timeout": "PT5S",
                "successThreshold": 1,
                "failureThreshold": 720,
            },
            "scaleSettings": {"scaleType": "Default"},
            "egressPublicNetworkAccess": "Enabled",
            **changed,
        },
    }


def test_a_deployment_as_azure_gives_it_back_is_no_drift(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    deployment = resources["deployment"]
    shelf.hold(plain_cloud.workspace.deployment("demo-endpoint", "blue"), deployment_document(deployment.desired))
    change = plan_one("demo", deployment, deployment.read(plain_cloud))
    assert (change.action, change.fields) == (Action.NONE, [])


@pytest.mark.parametrize(
    ("changed", "action", "field"),
    [
        pytest.param({"instanceType": "Standard_NC40ads_H100_v5"}, Action.REPLACE, "instance_type", id="vm-size"),
        pytest.param(
            {"requestSettings": {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 64}},
            Action.UPDATE,
            "request_settings.request_timeout_ms",
            id="timeout",
        ),
        pytest.param({"livenessProbe": FILLED_PROBE}, Action.UPDATE, "liveness_probe.failure_threshold", id="probe"),
        pytest.param({"environmentVariables": {}}, Action.UPDATE, "environment_variables.HF_TOKEN", id="secret-gone"),
        pytest.param({"provisioningState": "Failed"}, Action.UPDATE, "", id="failed"),
    ],
)
def test_a_deployment_changed_behind_our_back_shows(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any, changed: dict[str, Any], action: Action, field: str
) -> None:
    deployment = resources["deployment"]
    document = deployment_document(deployment.desired, **changed)
    shelf.hold(plain_cloud.workspace.deployment("demo-endpoint", "blue"), document)
    change = plan_one("demo", deployment, deployment.read(plain_cloud))
    assert change.action is action
    assert not field or field in change.fields


def test_another_count_goes_the_short_way(resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any) -> None:
    found = resources["deployment"]
    assert isinstance(found, Deployment)
    deployment = replace(found, spec=found.spec.but(instance_count=1))
    id = plain_cloud.workspace.deployment("demo-endpoint", "blue")
    shelf.hold(id, deployment_document({**deployment.desired, "instance_count": 2}))
    live = deployment.read(plain_cloud)
    assert live is not None
    deployment.update(plain_cloud, live, {**deployment.desired, **deployment.settle(live)})
    assert shelf.written == [(id, {"tags": live.state["tags"], "sku": {"name": "Default", "capacity": 1}})]


def test_an_update_of_a_deployment_keeps_what_others_set(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    deployment = resources["deployment"]
    id = plain_cloud.workspace.deployment("demo-endpoint", "blue")
    queue = {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 64, "maxQueueWait": "PT2S"}
    others = {
        "description": "by hand",
        "appInsightsEnabled": True,
        "dataCollector": {"collections": {"requests": {"dataCollectionMode": "Enabled"}}},
        "modelMountPath": "/models",
        "egressPublicNetworkAccess": "Disabled",
        "properties": {"private-network-connection": "true"},
    }
    noted = {"AzureAsyncOperationUri": "https://x"}
    ours = {"model": "azureml:left/over:1", "environmentVariables": {"LEFT": "over"}, "requestSettings": queue}
    shown = {**others, "properties": {**others["properties"], **noted}}
    shelf.hold(id, deployment_document(deployment.desired, **shown, **ours))
    live = deployment.read(plain_cloud)
    assert live is not None
    deployment.update(plain_cloud, live, {**deployment.desired, **deployment.settle(live)})
    written_to, written = shelf.written[-1]
    assert written_to == id
    properties = written["properties"]
    assert {name: properties[name] for name in others} == others
    assert properties["requestSettings"] == {**queue, "requestTimeout": "PT180S"}
    assert properties["environmentVariables"] == deployment.desired["environment_variables"]
    assert not {"model", "provisioningState"} & properties.keys()


def test_a_restart_leaves_everything_as_it_is(resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any) -> None:
    deployment = resources["deployment"]
    id = plain_cloud.workspace.deployment("demo-endpoint", "blue")
    others = {
        "environmentId": f"{WORKSPACE}-of-others/environments/theirs/versions/1",
        "environmentVariables": {"AML_APP_ROOT": "/app", "THEIRS": "1", "EMPTY": None},
        "livenessProbe": {"initialDelay": "PT0.5S", "failureThreshold": 3},
        "requestSettings": {"requestTimeout": "PT5S"},
    }
    shelf.hold(id, deployment_document(deployment.desired, **others))
    live = deployment.read(plain_cloud)
    assert live is not None
    restart(plain_cloud, "demo-endpoint", live, {"MARK": "now"}, lambda: None)
    before = {**shelf.documents[id], "properties": dict(live.document["properties"])}
    del before["properties"]["provisioningState"]
    before["properties"]["environmentVariables"] = {"AML_APP_ROOT": "/app", "THEIRS": "1", "MARK": "now"}
    written = shelf.written[-1][1]
    assert written["properties"] == before["properties"]
    assert (written["tags"], written["sku"]) == (before["tags"], before["sku"])


def test_a_deployment_is_written_in_azures_own_words(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    deployment = resources["deployment"]
    deployment.create(plain_cloud, deployment.desired)
    id, written = shelf.written[-1]
    azures = deployment_document(deployment.desired)
    assert id == azures["id"]
    assert (written["sku"], written["tags"]) == (azures["sku"], azures["tags"])
    for name in ("environmentId", "codeConfiguration", "livenessProbe", "readinessProbe"):
        assert written["properties"][name] == azures["properties"][name]
    live = deployment.read(plain_cloud)
    assert live is not None
    assert {name: live.state[name] for name in deployment.desired} == deployment.desired


def test_a_deployment_of_a_registrys_model_names_it_as_the_spec_does(plain_cloud: Cloud, shelf: Any) -> None:
    model = "azureml://registries/azureml/models/Some-Model/labels/latest"
    spec = DeploymentSpec(instance_type="Standard_NC24ads_A100_v4")
    deployment = Deployment("demo-endpoint", spec, ServedModel(model), "demo")
    deployment.create(plain_cloud, deployment.desired)
    properties = shelf.written[-1][1]["properties"]
    assert properties["model"] == model
    assert not {"environmentId", "codeConfiguration"} & properties.keys()
