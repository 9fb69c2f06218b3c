"""Two actors in one workspace: a second stack, a person, a mistake; what is shared and what is lost is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as changed

from infra.azure.target import Target, open_target
from infra.errors import AccessDenied, GateliftError, NotFound, Refused
from infra.operations.adopt import adopt
from infra.operations.catalog import catalog_hide, catalog_list, catalog_publish, catalog_show
from infra.operations.connect import connect
from infra.operations.down import down, plan_down
from infra.operations.logs import logs
from infra.operations.rollback import rollback
from infra.operations.status import status
from infra.operations.token import token_rotate, token_set, token_verify
from infra.portal import Portal
from infra.reporter import Silent
from infra.spec.model import StackSpec
from tests.infra.operations.sharing.actors import put_untagged, reasons

FIRST, SECOND = "hf_goodtoken001", "hf_secondtoken2"
CONNECTION = "HuggingFaceTokenConnection"
COMMANDS: dict[str, Callable[[StackSpec, Target], Any]] = {
    "down": plan_down,
    "status": status,
    "logs": logs,
    "rollback": lambda spec, target: rollback(spec, target, reporter=Silent()),
    "connect": connect,
    "adopt": adopt,
    "token set": lambda spec, target: token_set(spec, target, FIRST),
    "token verify": lambda spec, target: token_verify(spec, target, FIRST),
    "token rotate": lambda spec, target: token_rotate(spec, target, FIRST),
    "catalog publish": catalog_publish,
    "catalog list": lambda spec, target: catalog_list(spec, target, include_hidden=True, as_of=None),
    "catalog show": catalog_show,
    "catalog hide": lambda spec, target: catalog_hide(spec, target, None),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("level", "code"),
    [("name", "workspace_not_found"), ("resource_group", "ResourceGroupNotFound"), ("subscription_id", "Subscription")],
)
def test_a_workspace_that_does_not_exist_is_an_error(bench: Any, command: str, level: str, code: str) -> None:
    spec = bench.spec("nowhere")
    target = bench.target(spec)
    missing = "00000000-0000-0000-0000-00000000dead"
    elsewhere = replace(target, workspace=changed(target.workspace, **{level: missing}))
    with pytest.raises(NotFound, match=missing) as error:
        COMMANDS[command](spec, elsewhere)
    assert error.value.code.startswith(code)


def test_a_mistyped_workspace_is_not_made_by_looking_at_it(bench: Any) -> None:
    spec = bench.spec("typo")
    with pytest.raises(NotFound, match="ws-typo"):
        open_target(spec, local=True, environ=bench.environ)
    looking = open_target(spec, local=True, environ=bench.environ, absent="allow")
    assert looking.workspace.absent
    assert not [id for id in Portal(looking.portal).get("workspaces") if id.endswith("ws-typo")]


def test_a_second_stack_uses_the_first_ones_connection_and_never_changes_it(bench: Any, pair: Any) -> None:
    ours, theirs = pair("token")
    bench.up(ours, FIRST)
    bench.up(theirs, SECOND)
    [connection] = [change for change in bench.plan(theirs, SECOND).changes if change.kind == "connection"]
    assert str(connection.action) == "none"
    assert "created by the stack token-a" in connection.reason
    assert "another token than the given one" in connection.reason
    assert token_verify(ours, bench.target(ours), FIRST)["connection"]["same_token"]
    for operation in (token_set, token_rotate):
        with pytest.raises(Refused, match="belongs to the stack token-a") as error:
            operation(theirs, bench.target(theirs), SECOND)
        assert "--take-over" in error.value.hint
    taking = theirs.but(take_over=True)
    bench.up(taking, SECOND)
    assert token_verify(theirs, bench.target(theirs), SECOND)["connection"]["owner"] == "token-b"
    assert not bench.plan(ours, FIRST).has_changes


def test_what_another_stack_uses_is_left(bench: Any, pair: Any) -> None:
    ours, theirs = pair("left")
    bench.up(ours)
    bench.up(theirs)
    changes = down(ours, bench.target(ours), reporter=Silent())
    for kind in ("connection", "environment", "code", "model"):
        assert reasons(changes, kind).startswith("kept: the stack left-b"), kind
    answer = bench.up(theirs, token=None)
    assert answer.plan.stack == "left-b"
    assert bench.down(theirs)["connection"] == "delete"


def test_what_a_stack_that_is_just_being_made_may_use_is_left(bench: Any, pair: Any) -> None:
    ours, theirs = pair("begin")
    bench.up(ours)
    target = bench.target(theirs)
    id = target.cloud.workspace.endpoint(theirs.endpoint.name)
    body = {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "tags": {"gatelift": "begin-b@1"},
        "properties": {"authMode": "Key", "properties": {"enforce_access_to_default_secret_stores": "enabled"}},
    }
    target.cloud.poller.wait(target.arm.begin_put(id, body))
    changes = down(ours, bench.target(ours), reporter=Silent())
    for kind in ("connection", "environment", "code", "model"):
        assert "begin-b is being made" in reasons(changes, kind), kind
    assert bench.up(theirs, token=None).answer == "org/gated with a token"


def test_an_entry_of_another_stack_is_refused_or_taken_over(bench: Any, pair: Any) -> None:
    ours, theirs = pair("entry")
    catalog_publish(ours, bench.target(ours))
    target = bench.target(theirs)
    with pytest.raises(Refused, match="belongs to the stack entry-a") as error:
        catalog_publish(theirs, target)
    assert "--take-over" in error.value.hint
    with pytest.raises(Refused, match="belongs to the stack entry-a"):
        catalog_hide(theirs, target, None)
    assert catalog_publish(theirs.but(take_over=True), target)["owner"] == "entry-b"


def test_a_rotated_token_reaches_all_of_the_stack_and_none_of_others(bench: Any, pair: Any) -> None:
    ours, theirs = pair("roll")
    bench.up(ours)
    bigger = ours.but(deployment=ours.deployment.but(instance_type="Standard_NC48ads_A100_v4"))
    bench.up(bigger)  # keeps the first deployment
    bench.up(theirs)
    target = bench.target(ours)
    theirs_id = target.cloud.workspace.deployment("roll-b-endpoint", "blue")
    before = target.arm.get(theirs_id)
    answer = token_rotate(bigger, target, SECOND)
    assert len(answer["rolled"]) == 2
    assert answer["rolled"][-1] == "roll-a-endpoint/blue"  # the oldest
    [left] = answer["left"]
    assert (left["deployment"], left["stack"]) == ("roll-b-endpoint/blue", "roll-b")
    assert "token rotate" in left["then"]
    assert target.arm.get(theirs_id) == before
    again = token_rotate(theirs, bench.target(theirs), SECOND)  # as it was told to them
    assert (again["action"], again["rolled"]) == ("unchanged", ["roll-b-endpoint/blue"])


def test_a_lost_key_is_seen_and_written_again(bench: Any) -> None:
    spec = bench.spec("lost-key")
    bench.up(spec)
    target = bench.target(spec)
    id = target.cloud.workspace.connection(CONNECTION)
    wiped = {"category": "CustomKeys", "authType": "CustomKeys", "target": "_"}
    for metadata in (target.arm.get(id)["properties"]["metadata"], {}):
        target.arm.put(id, {"properties": {**wiped, "metadata": metadata}})
        [connection] = [change for change in bench.plan(spec).changes if change.kind == "connection"]
        assert (str(connection.action), connection.fields) == ("update", [f"credentials.{'HF_TOKEN'}"])
        with pytest.raises(GateliftError, match="has no key HF_TOKEN"):
            bench.up(spec, token=None)
        bench.up(spec)
        assert token_verify(spec, bench.target(spec), FIRST)["connection"]["same_token"]
        assert not bench.plan(spec).has_changes


def test_lost_tags_are_told_and_adopt_is_the_way_back(bench: Any) -> None:
    spec = bench.spec("wiped", deployment={"instance_count": 2, "responses_per_instance": True})
    bench.up(spec)
    target = bench.target(spec)
    endpoint = target.cloud.workspace.endpoint("wiped-endpoint")
    blue = f"{endpoint}/deployments/blue"
    put_untagged(target, blue)
    with pytest.raises(Refused, match="2 instances run on, not tagged as yours") as error:
        bench.plan(spec)
    assert "gatelift adopt" in error.value.hint
    put_untagged(target, endpoint)
    with pytest.raises(Refused, match="2 instances run on, not tagged as yours"):
        bench.plan(spec)
    told = "2 instances run on, not tagged as yours"
    assert told in reasons(plan_down(spec, target).changes, "deployment")
    assert any(told in warning for warning in status(spec, target)["warnings"])
    assert adopt(spec, target) == ["endpoint wiped-endpoint", "deployment blue"]
    bench.up(spec)
    assert bench.down(spec)["endpoint"] == "delete"


def test_an_entry_whose_tags_were_wiped_is_hidden_again(bench: Any) -> None:
    spec = bench.spec("bare-entry", catalog={"invisible_until": "2126-01-16T00:00:00.000Z"})
    bench.up(spec)
    target = bench.target(spec)
    [entry] = catalog_list(spec, target, include_hidden=True, as_of=None)
    id = target.cloud.workspace.asset("models", entry["name"], entry["model_version"])
    kept = ("modelUri", "modelType", "properties", "description")
    properties = target.arm.get(id)["properties"]
    target.arm.put(id, {"properties": {name: properties[name] for name in kept if properties.get(name)}})
    assert catalog_list(spec, target, include_hidden=False, as_of=None)
    [model] = [change for change in bench.plan(spec).changes if change.kind == "model"]
    assert str(model.action) == "update"
    assert "tags.invisibleUntil" in model.fields
    bench.up(spec)
    assert not catalog_list(spec, target, include_hidden=False, as_of=None)


def test_an_endpoint_that_is_being_deleted_is_planned_as_made_again(bench: Any) -> None:
    spec = bench.spec("going")
    bench.up(spec)
    target = bench.target(spec)
    settings = f"{target.portal}/settings"
    httpx.patch(settings, json={"operation_seconds": 3}, trust_env=False).raise_for_status()
    operation = target.arm.begin_delete(target.cloud.workspace.endpoint("going-endpoint"))
    httpx.patch(settings, json={"operation_seconds": 0}, trust_env=False).raise_for_status()
    planned = bench.plan(spec)
    assert {str(change.action) for change in planned.changes if change.kind in ("endpoint", "deployment")} == {"create"}
    assert "is being deleted" in reasons(planned.changes, "endpoint")
    assert operation is not None
    target.cloud.poller.wait(operation)
    assert bench.up(spec, token=None).answer == "org/gated with a token"


def test_a_connection_whose_keys_may_not_be_read_is_not_written(bench: Any) -> None:
    spec = bench.spec("unread")
    bench.up(spec)
    target = bench.target(spec)
    id = target.cloud.workspace.connection(CONNECTION)
    document = target.arm.get(id)
    document["properties"]["credentials"] = {"keys": {"HF_TOKEN": FIRST, "OTHER": "theirs"}}
    target.arm.put(id, document)
    faults = f"{target.portal}/faults"
    rule = {"method": "POST", "path": "connections/[^/]+/listsecrets", "status": 403, "code": "AuthorizationFailed"}
    httpx.put(faults, json=[rule], trust_env=False).raise_for_status()
    try:
        with pytest.raises(AccessDenied, match="without its keys they would be lost") as error:
            token_rotate(spec, target, SECOND)
        assert "listsecrets" in error.value.hint
    finally:
        httpx.put(faults, json=[], trust_env=False).raise_for_status()
    keys = target.arm.post(f"{id}/listsecrets")["properties"]["credentials"]["keys"]
    assert keys == {"HF_TOKEN": FIRST, "OTHER": "theirs"}


def test_down_finds_what_an_earlier_spec_named(bench: Any) -> None:
    target = bench.target(bench.spec("former"))
    group = target.workspace.id.partition("/providers/")[0]
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/former"
    target.arm.put(identity, {"location": "eastus"}, api_version="2023-01-31")
    assigned = {"identity": {"type": "user_assigned", "user_assigned_identities": [identity]}}
    bench.up(bench.spec("former", endpoint=assigned, catalog={"name": "former-name"}))
    later = bench.spec("former", endpoint={"name": "former-later"})
    bench.up(later)
    removed = {(change.kind, change.name) for change in down(later, target, reporter=Silent())}
    assert {
        ("role", "former (Azure Machine Learning Workspace Connection Secrets Reader)"),
        ("endpoint", "former-endpoint"),
        ("endpoint", "former-later"),
    } <= removed
    assert any(kind == "model" and name.startswith("former-name:") for kind, name in removed)
    assert not plan_down(later, target).has_changes
