"""Somebody changes what a command is about to write, or owns what it looks at: theirs survives, and is told."""

from functools import partial
from typing import Any

from infra.operations.down import down
from infra.operations.status import status
from infra.operations.token import token_set
from infra.operations.unlock import find_locks, unlock
from infra.reporter import Silent
from tests.infra.operations.sharing.actors import reasons, scale, set_variable
from tests.infra.operations.test_two_actors import GREEN, LARGER, Meanwhile, portal, split_by_hand, splits

__all__ = ["portal"]  # a fixture
CONNECTION = "HuggingFaceTokenConnection"


def test_a_change_of_the_endpoint_keeps_a_split_that_was_set_since_the_plan(bench: Any) -> None:
    bench.up(bench.spec("since"))
    larger = bench.spec("since", deployment={"instance_type": LARGER})
    bench.up(larger)
    described = bench.spec("since", deployment={"instance_type": LARGER}, endpoint={"description": "new words"})
    half = {"blue": 40, GREEN: 60}
    bench.up(described, phases=Meanwhile("endpoint", lambda: split_by_hand(bench, larger, traffic=half)))
    assert splits(bench, larger)[0] == half


def test_a_change_of_the_deployment_keeps_tags_and_platform_variables_set_since_the_plan(bench: Any) -> None:
    spec = bench.spec("since-tags")
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("since-tags-endpoint", "blue")
    by_hand = partial(set_variable, target, blue, ("AML_THEIRS", "theirs"), **{"cost-center": "42"})
    changed = bench.spec("since-tags", deployment={"environment_variables": {"NAME": "value"}})
    bench.up(changed, phases=Meanwhile("deployment", by_hand))
    document = target.arm.get(blue)
    variables = document["properties"]["environmentVariables"]
    assert (variables["AML_THEIRS"], variables["NAME"], document["tags"]["cost-center"]) == ("theirs", "value", "42")


def test_a_connection_that_was_taken_over_since_the_plan_is_left_to_its_new_stack(bench: Any, pair: Any) -> None:
    ours, theirs = pair("taken")
    bench.up(ours)
    bench.up(theirs)
    person = Meanwhile(
        "connection", lambda: token_set(theirs.but(take_over=True), bench.target(theirs), "hf_goodtoken001")
    )
    bench.up(ours, "hf_secondtoken2", phases=person)
    target = bench.target(ours)
    metadata = target.arm.get(target.cloud.workspace.connection(CONNECTION))["properties"]["metadata"]
    assert metadata["gatelift"].startswith("taken-b@")
    assert [note for note in person.notes if f"taken-b has taken over the connection {CONNECTION} meanwhile" in note]


def test_what_a_running_up_is_about_to_refer_to_is_left(bench: Any, pair: Any) -> None:
    owner, _ = pair("switch")
    workspace = {"name": "ws-switch"}
    bench.up(owner)
    bench.up(bench.spec("switch-b", workspace=workspace, token={"connection": "Mine"}))
    removed: list[Any] = []
    switched = bench.spec("switch-b", workspace=workspace, deployment={"instance_type": LARGER})
    person = Meanwhile("deployment", lambda: removed.extend(down(owner, bench.target(owner), reporter=Silent())))
    bench.up(switched, phases=person)
    assert "switch-b is being made or changed and may use it" in reasons(removed, "connection")
    assert not bench.plan(switched).has_changes


def test_what_was_deleted_before_a_deployment_refers_to_it_is_made_again(bench: Any) -> None:
    bench.up(bench.spec("gone"))
    larger = bench.spec("gone", deployment={"instance_type": LARGER})
    target = bench.target(larger)
    described = larger.but(endpoint=larger.endpoint.but(description="words"))
    connection = target.cloud.workspace.connection(CONNECTION)
    person = Meanwhile("endpoint", lambda: target.arm.delete(connection))
    bench.up(described, phases=person)
    assert [note for note in person.notes if f"{CONNECTION} was deleted meanwhile: made again" in note]
    assert not bench.plan(described).has_changes


def test_unlock_names_the_stack_and_ends_no_lock_that_somebody_else_holds_by_now(bench: Any, pair: Any) -> None:
    ours, theirs = pair("unlock")
    first, second = bench.target(theirs).cloud.locks, bench.target(theirs).cloud.locks
    target = bench.target(ours)
    with first.stack("unlock-b", "down"), first.shared():
        [lock] = find_locks(ours, target)
        assert lock["lock"] == "shared"
        assert "stack unlock-b)" in lock["where"]
    with second.stack("unlock-b", "up"), second.shared():
        assert unlock(target, [lock]) == []
        second.check()
        assert len(unlock(target, find_locks(ours, target))) == 1


def test_autoscale_settings_that_may_not_be_read_are_told(bench: Any, portal: Any) -> None:
    spec = bench.spec("unread", deployment={"instance_count": 1, "responses_per_instance": True})
    bench.up(spec)
    target = bench.target(spec)
    scale(target, target.cloud.workspace.deployment("unread-endpoint", "blue"), 3)
    assert "autoscale" not in reasons(bench.plan(spec).changes, "deployment")
    portal("faults", [{"method": "GET", "path": "autoscaleSettings", "status": 403, "times": 9}])
    assert "you may not read these settings" in reasons(bench.plan(spec).changes, "deployment")
    assert status(spec, target)["deployments"][0]["autoscale"] is None


def test_variables_with_the_platforms_prefixes_that_a_new_deployment_will_not_have_are_told(bench: Any) -> None:
    spec = bench.spec("prefixed")
    bench.up(spec)
    target = bench.target(spec)
    blue = target.cloud.workspace.deployment("prefixed-endpoint", "blue")
    set_variable(target, blue, ("AML_THEIRS", "theirs"))
    larger = bench.spec("prefixed", deployment={"instance_type": LARGER})
    assert "it will be without AML_THEIRS, which blue has" in reasons(bench.plan(larger).changes, "deployment")


def test_status_tells_of_an_endpoint_under_a_former_name(bench: Any) -> None:
    bench.up(bench.spec("former"))
    renamed = bench.spec("former", endpoint={"name": "former-newer"})
    told = "the endpoint former-endpoint also belongs to the stack and still costs money"
    assert any(told in warning for warning in status(renamed, bench.target(renamed))["warnings"])
    bench.up(renamed)
    assert any(told in warning for warning in status(renamed, bench.target(renamed))["warnings"])
    bench.down(renamed)
