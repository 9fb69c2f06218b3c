"""Azure's documents converted to states: what Azure fills in does not count as drift."""

from typing import Any

import pytest

from infra.azure.cloud import Cloud
from infra.errors import Refused
from infra.planning.plan import Action, plan_one
from infra.resources.base import CANARY_TAG, Resource
from infra.resources.canary.record import Canary
from infra.resources.endpoint import Endpoint, live_endpoint, with_live
from infra.resources.traffic import Traffic
from infra.spec.model import StackSpec, spec_from
from tests.infra.things import TOKEN

WORKSPACE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/group/providers/" + (
    "Microsoft.MachineLearningServices/workspaces/workspace"
)


def endpoint_document(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "demo-endpoint",
        "tags": {**state["tags"], "cost-center": "7"},
        "identity": {"type": "SystemAssigned", "principalId": "p"},
        "properties": {
            "authMode": "Key",
            "publicNetworkAccess": "Enabled",
            "properties": {**state["properties"], "azureml.onlineendpointid": "x", "other": "kept"},
            "traffic": {"blue": 90, "green": 10},
            "mirrorTraffic": {},
            "provisioningState": "Succeeded",
            "scoringUri": "https://x/v1/chat/completions",
        },
    }


def test_an_endpoint_as_azure_gives_it_back_is_no_drift(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    endpoint = resources["endpoint"]
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), endpoint_document(endpoint.desired))
    assert plan_one("demo", endpoint, endpoint.read(plain_cloud)).action is Action.NONE


@pytest.mark.parametrize(
    "change", [{"kind": "K8S"}, {"properties": {"compute": "azureml:cluster"}}], ids=["kind", "compute"]
)
def test_an_endpoint_on_kubernetes_is_not_taken_for_a_managed_one(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any, change: dict[str, Any]
) -> None:
    endpoint = resources["endpoint"]
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), {**endpoint_document(endpoint.desired), **change})
    with pytest.raises(Refused, match="runs on Kubernetes"):
        endpoint.read(plain_cloud)


def test_an_identity_is_the_same_in_any_case(spec_values: dict[str, Any], plain_cloud: Cloud, shelf: Any) -> None:
    id = f"{WORKSPACE.partition('Microsoft')[0]}Microsoft.ManagedIdentity/userAssignedIdentities/reader"
    spec_values["endpoint"] |= {"identity": {"type": "user_assigned", "user_assigned_identities": [id]}}
    endpoint = Endpoint(spec_from(spec_values).endpoint, "demo")
    document = endpoint_document({**endpoint.desired, "properties": {}})
    there = id.replace("resourceGroups", "resourcegroups")
    document["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {there: {}}}
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), document)
    assert plan_one("demo", endpoint, endpoint.read(plain_cloud)).action is Action.NONE


def test_an_endpoint_without_the_flag_must_be_replaced(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    endpoint = resources["endpoint"]
    document = endpoint_document({**endpoint.desired, "properties": {}})
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), document)
    change = plan_one("demo", endpoint, endpoint.read(plain_cloud))
    assert change.action is Action.REPLACE
    assert change.fields == ["properties.enforce_access_to_default_secret_stores"]


def test_an_update_of_an_endpoint_keeps_the_live_split_and_what_others_set(resources: dict[str, Resource]) -> None:
    endpoint = resources["endpoint"]
    written = with_live(endpoint.desired, live_endpoint(endpoint_document(endpoint.desired)))
    assert written["traffic"] == {"blue": 90, "green": 10}
    assert written["tags"]["cost-center"] == "7"
    assert written["properties"] == {"enforce_access_to_default_secret_stores": "enabled", "other": "kept"}


@pytest.mark.parametrize(
    ("ours", "action", "left"),
    [pytest.param("", Action.NONE, "live", id="theirs"), pytest.param("live", Action.UPDATE, None, id="ours-once")],
)
def test_a_description_goes_if_it_was_ours(
    spec_values: dict[str, Any], plain_cloud: Cloud, shelf: Any, ours: str, action: Action, left: str | None
) -> None:
    spec = spec_from(spec_values).endpoint
    before, after = (Endpoint(spec.but(description=text), "demo") for text in (ours, None))
    document = endpoint_document(before.desired)
    document["properties"]["description"] = "live"
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), document)
    live = after.read(plain_cloud)
    assert live is not None
    assert plan_one("demo", after, live).action is action
    after.update(plain_cloud, live, {**after.desired, **after.settle(live)})
    written = shelf.written[-1][1]
    assert written["properties"].get("description") == left
    assert "/description" not in written["tags"].get("gatelift_tags", "")
    assert plan_one("demo", after, after.read(plain_cloud)).action is Action.NONE


def test_copies_of_requests_go_to_none_that_serves(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    document = endpoint_document(resources["endpoint"].desired)
    document["properties"] |= {"traffic": {"green": 100}, "mirrorTraffic": {"blue": 30, "red": 5}}
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), document)
    traffic = Traffic("demo-endpoint", "blue", ("green",), "green")
    live = traffic.read(plain_cloud)
    change = plan_one("demo", traffic, live)
    assert live is not None
    assert change.fields == ["mirror_traffic.blue", "traffic.blue", "traffic.green"]
    traffic.update(plain_cloud, live, {**traffic.desired, **traffic.settle(live)})
    written = shelf.written[-1][1]["properties"]
    assert (written["traffic"], written["mirrorTraffic"]) == ({"blue": 100}, {"red": 5})


@pytest.mark.parametrize(
    ("record", "action", "left"),
    [
        pytest.param(Canary("blue", "green").to_tag(), Action.UPDATE, False, id="its-own"),
        pytest.param(Canary("theirs", "red").to_tag(), Action.NONE, True, id="of-another-stack"),
        pytest.param("5 %", Action.UPDATE, False, id="that-nobody-can-read"),
    ],
)
def test_the_record_of_a_rollout_goes_if_it_is_of_the_stack(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any, record: str, action: Action, left: bool
) -> None:
    document = endpoint_document(resources["endpoint"].desired)
    document["properties"]["traffic"] = {"blue": 40, "theirs": 60}
    document["tags"] |= {CANARY_TAG: record}
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), document)
    traffic = Traffic("demo-endpoint", "blue", ("green",))
    live = traffic.read(plain_cloud)
    assert live is not None
    assert plan_one("demo", traffic, live).action is action
    moved = {**traffic.settle(live), "traffic": {"blue": 30, "theirs": 70}}
    traffic.update(plain_cloud, live, moved)
    assert (CANARY_TAG in shelf.written[-1][1]["tags"]) is left


def test_a_live_split_is_kept(resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any) -> None:
    traffic, endpoint = resources["traffic"], resources["endpoint"]
    shelf.hold(plain_cloud.workspace.endpoint("demo-endpoint"), endpoint_document(endpoint.desired))
    assert plan_one("demo", traffic, traffic.read(plain_cloud)).action is Action.NONE


def test_the_connection_is_compared_by_its_fingerprint(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any, stack_spec: StackSpec
) -> None:
    connection = resources["connection"]
    connection.create(plain_cloud, connection.desired)
    written = shelf.written[-1][1]["properties"]
    assert written["credentials"] == {"keys": {"HF_TOKEN": TOKEN}}
    assert TOKEN not in str(written["metadata"])
    assert plan_one("demo", connection, connection.read(plain_cloud)).action is Action.NONE
    other = type(connection)("HuggingFaceTokenConnection", "HF_TOKEN", "demo", "hf_othertoken2")  # type: ignore[call-arg]
    change = plan_one("demo", other, other.read(plain_cloud))
    assert (change.action, change.fields) == (Action.UPDATE, ["credentials.HF_TOKEN"])
    shelf.answers[f"{shelf.written[-1][0]}/listsecrets"] = {"properties": written}
    renamed = type(connection)("HuggingFaceTokenConnection", "OTHER", "demo", None)  # type: ignore[call-arg]
    live = renamed.read(plain_cloud)
    change = plan_one("demo", renamed, live)
    assert (change.action, change.fields) == (Action.UPDATE, ["credentials.OTHER"])
    renamed.update(plain_cloud, live, renamed.desired)
    assert shelf.written[-1][1]["properties"]["credentials"] == {"keys": {"HF_TOKEN": TOKEN, "OTHER": TOKEN}}
    shelf.answers[f"{shelf.written[-1][0]}/listsecrets"] = {"properties": shelf.written[-1][1]["properties"]}
    assert plan_one("demo", renamed, renamed.read(plain_cloud)).action is Action.NONE
    without = type(connection)("HuggingFaceTokenConnection", "HF_TOKEN", "demo", None)  # type: ignore[call-arg]
    assert plan_one("demo", without, without.read(plain_cloud)).action is Action.NONE


def test_a_connection_that_others_made_is_used_and_left_alone(
    resources: dict[str, Resource], plain_cloud: Cloud, shelf: Any
) -> None:
    id = plain_cloud.workspace.connection("HuggingFaceTokenConnection")
    shelf.documents[id] = {"name": "HuggingFaceTokenConnection", "properties": {"category": "CustomKeys"}}
    connection = resources["connection"]
    change = plan_one("demo", connection, connection.read(plain_cloud))
    assert change.action is Action.NONE
    assert "not created by gatelift" in change.reason
