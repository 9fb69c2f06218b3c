"""Replacing a deployment behind an endpoint and rolling back, while clients keep sending requests."""

import threading
from typing import Any

import httpx
import pytest

from infra.errors import NotFound, OperationFailed, Refused
from infra.operations.adopt import adopt
from infra.operations.connect import connect
from infra.operations.rollback import rollback
from infra.operations.status import status
from infra.operations.token import token_rotate
from infra.planning.rollout import sibling
from infra.reporter import Silent

LARGER = "Standard_NC48ads_A100_v4"
QUESTION = {"messages": [{"role": "user", "content": "?"}]}


class Asking:
    """Sends requests to the endpoint until it is stopped, and counts the answers."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.answers: list[int] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.connection.api_key}"}
        with httpx.Client(headers=headers, timeout=60) as client:
            while not self.over.is_set():
                self.answers.append(client.post(self.connection.scoring_uri, json=QUESTION).status_code)
                self.over.wait(0.05)

    def __enter__(self) -> "Asking":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join(60)


def names(bench: Any, spec: Any) -> dict[str, int]:
    found = status(spec, bench.target(spec))
    return {each["name"]: found["endpoint"]["traffic"].get(each["name"], 0) for each in found["deployments"]}


def test_another_size_starts_beside_takes_over_and_can_be_rolled_back(bench: Any, phases: Any) -> None:
    first = bench.up(bench.spec("size"))
    larger = bench.spec("size", deployment={"instance_type": LARGER})
    green = sibling("blue", LARGER)
    change = next(c for c in bench.plan(larger).changes if c.kind == "deployment")
    assert (str(change.action), change.name, change.fields) == ("replace", green, ["instance_type"])
    with Asking(first.connection) as asking:
        bench.up(larger, phases=phases)
        assert names(bench, larger) == {"blue": 0, green: 100}
        assert not bench.plan(larger).has_changes
        back = rollback(larger, bench.target(larger), reporter=Silent())
        assert (back["deployment"], back["previous"], back["traffic"]) == ("blue", green, {"blue": 100})
        assert not bench.plan(bench.spec("size")).has_changes
        bench.up(larger)
    assert set(asking.answers) == {200}
    assert phases.finished.index("smoke test") < phases.finished.index("traffic")
    assert connect(larger, bench.target(larger)).deployment == green
    assert bench.down(larger)["endpoint"] == "delete"


def mirror_to(bench: Any, spec: Any, deployment: str) -> None:
    target = bench.target(spec)
    id = target.cloud.workspace.endpoint(spec.endpoint.name)
    document = target.arm.get(id)
    document["properties"]["mirrorTraffic"] = {deployment: 30}
    target.cloud.poller.wait(target.arm.begin_put(id, document))


def test_mirrored_requests_hinder_neither_the_way_back_nor_the_removal(bench: Any) -> None:
    bench.up(bench.spec("mirror"))
    larger = bench.spec("mirror", deployment={"instance_type": LARGER})
    bench.up(larger)
    mirror_to(bench, larger, "blue")
    assert rollback(larger, bench.target(larger), reporter=Silent())["deployment"] == "blue"
    mirror_to(bench, larger, sibling("blue", LARGER))
    bench.up(bench.spec("mirror", deployment={"keep_previous": False}))
    assert names(bench, larger) == {"blue": 100}


def test_a_third_size_lets_go_of_the_first(bench: Any) -> None:
    for size in ("Standard_NC24ads_A100_v4", LARGER, "Standard_NC96ads_A100_v4"):
        spec = bench.spec("three", deployment={"instance_type": size})
        bench.up(spec)
    third = next(name for name, share in names(bench, spec).items() if share)
    assert names(bench, spec) == {third: 100, sibling("blue", LARGER): 0}


def test_another_name_takes_over_and_nothing_is_kept_if_the_spec_says_so(bench: Any) -> None:
    bench.up(bench.spec("swap"))
    green = bench.spec("swap", deployment={"name": "green", "keep_previous": False})
    bench.up(green)
    assert names(bench, green) == {"green": 100}
    with pytest.raises(NotFound) as error:
        rollback(green, bench.target(green), reporter=Silent())
    assert error.value.code == "nothing_to_roll_back_to"


def test_a_successor_that_does_not_start_changes_nothing_for_clients(bench: Any) -> None:
    first = bench.up(bench.spec("stuck"))
    broken = bench.spec("stuck", deployment={"instance_type": LARGER, "environment_variables": {"CONTAINER": "crash"}})
    with Asking(first.connection) as asking, pytest.raises(OperationFailed):
        bench.up(broken)
    assert set(asking.answers) == {200}
    assert names(bench, broken) == {"blue": 100, sibling("blue", LARGER): 0}
    bench.up(bench.spec("stuck"))
    assert names(bench, broken) == {"blue": 100}


def test_a_rotated_token_drops_no_request(bench: Any) -> None:
    spec = bench.spec("turn")
    with Asking(bench.up(spec).connection) as asking:
        token_rotate(spec, bench.target(spec), "hf_secondtoken2")
    assert set(asking.answers) == {200}


def test_of_two_at_once_one_works_and_the_other_waits_and_finds_it_done(bench: Any, phases: Any) -> None:
    spec = bench.spec("twice", deployment={"environment_variables": {"CONTAINER": "sleep"}})
    mine, results, errors = [phases, type(phases)()], [], []

    def run(reporter: Any) -> None:
        try:
            results.append(bench.up(spec, phases=reporter))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(reporter,)) for reporter in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert [result.answer for result in results] == ["org/gated with a token"] * 2
    assert sorted(reporter.finished.count("deployment") for reporter in mine) == [0, 1]
    assert [note for reporter in mine for note in reporter.notes if "the stack twice is locked by" in note] != []
    assert bench.target(spec).cloud.locks.holders("twice") == {}


def test_an_endpoint_of_others_is_adopted_with_its_deployments_left_alone(bench: Any) -> None:
    spec = bench.spec("foster")
    target = bench.target(spec)
    id = target.cloud.workspace.endpoint("foster-endpoint")
    flag = {"enforce_access_to_default_secret_stores": "enabled"}
    target.arm.put(
        id,
        {
            "location": "eastus",
            "tags": {"team": "search"},
            "identity": {"type": "SystemAssigned"},
            "properties": {"authMode": "Key", "properties": flag},
        },
    )
    with pytest.raises(Refused) as error:
        bench.up(spec)
    assert "gatelift adopt" in error.value.hint
    assert adopt(spec, target) == ["endpoint foster-endpoint"]
    assert adopt(spec, target) == []
    assert bench.up(spec).answer == "org/gated with a token"
    document = target.arm.get(id)
    assert document is not None
    assert document["tags"]["team"] == "search"
    other = bench.spec("thief", endpoint={"name": "foster-endpoint"}, workspace={"name": "ws-foster"})
    with pytest.raises(Refused, match="belongs to the stack foster"):
        adopt(other, bench.target(other))
    blue = target.cloud.workspace.deployment("foster-endpoint", "blue")
    target.cloud.poller.wait(target.arm.begin_patch(blue, {"tags": {}}))
    assert bench.down(spec)["endpoint"] == "update"
    assert target.arm.get(id)["tags"] == {"team": "search"}
    assert bench.down(spec)["endpoint"] == "none"  # what lost its tags is told, and stays
