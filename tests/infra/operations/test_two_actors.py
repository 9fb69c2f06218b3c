"""Somebody else changes things while a command runs: locks, Azure's lock of an endpoint, splits set by hand."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.errors import AccessDenied, NotReady, Refused
from infra.operations.rollback import rollback
from infra.operations.unlock import find_locks, unlock
from infra.planning.rollout import sibling
from infra.reporter import Silent

LARGER = "Standard_NC48ads_A100_v4"
GREEN = sibling("blue", LARGER)


class Meanwhile(Silent):
    """A reporter that does something when a phase begins, and remembers its notes."""

    def __init__(self, kind: str, act: Callable[[], Any]) -> None:
        self._kind, self._act = kind, act
        self.notes: list[str] = []

    def phase_started(self, kind: str, name: str) -> None:
        if kind == self._kind:
            self._kind = ""
            self._act()

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def portal(bench: Any) -> Iterator[Callable[[str, Any], None]]:
    """Changes the emulator's settings or faults; both are as before afterwards."""
    url = bench.target(bench.spec("portal")).portal

    def put(path: str, body: Any) -> None:
        httpx.put(f"{url}/{path}", json=body, trust_env=False).raise_for_status()

    yield put
    put("faults", [])
    put("settings", {"endpoint_settle_seconds": 0})


def endpoint(bench: Any, spec: Any) -> dict[str, Any]:
    target = bench.target(spec)
    return dict(target.arm.get(target.cloud.workspace.endpoint(spec.endpoint.name)))


def split_by_hand(bench: Any, spec: Any, **changes: dict[str, int]) -> None:
    """What a person does in the studio: another split, in a PUT of the whole endpoint."""
    target, document = bench.target(spec), endpoint(bench, spec)
    document["properties"] |= changes
    target.cloud.poller.wait(target.arm.begin_put(document["id"], document))


def splits(bench: Any, spec: Any) -> tuple[dict[str, int], dict[str, int]]:
    properties = endpoint(bench, spec)["properties"]
    traffic, mirror = ({k: v for k, v in properties[kind].items() if v} for kind in ("traffic", "mirrorTraffic"))
    return traffic, mirror


def test_a_split_that_a_person_set_meanwhile_is_kept_and_told(bench: Any) -> None:
    bench.up(bench.spec("hand"))
    larger = bench.spec("hand", deployment={"instance_type": LARGER})
    person = Meanwhile("smoke test", lambda: split_by_hand(bench, larger, traffic={"blue": 40, GREEN: 60}))
    bench.up(larger, phases=person)
    assert splits(bench, larger)[0] == {"blue": 40, GREEN: 60}
    assert [note for note in person.notes if f"was changed meanwhile (blue 40 %, {GREEN} 60 %) and is kept" in note]
    assert [change.kind for change in bench.plan(larger).changes if str(change.action) == "update"] == ["traffic"]
    bench.up(larger)
    assert splits(bench, larger)[0] == {GREEN: 100}
    person = Meanwhile("smoke test", lambda: split_by_hand(bench, larger, traffic={"blue": 10, GREEN: 90}))
    rollback(larger, bench.target(larger), reporter=person)
    assert splits(bench, larger)[0] == {"blue": 100}  # read after its smoke test: this is what the person asks for


def test_a_mirror_that_a_person_set_meanwhile_is_kept_as_far_as_azure_allows(bench: Any) -> None:
    spec, larger = bench.spec("glass"), bench.spec("glass", deployment={"instance_type": LARGER})
    bench.up(spec)
    target = bench.target(spec)
    id = target.workspace.deployment(spec.endpoint.name, "blue")
    guest = {**target.arm.get(id), "tags": {}}
    target.cloud.poller.wait(target.arm.begin_put(id.replace("blue", "guest"), guest))
    bench.up(larger, phases=Meanwhile("smoke test", lambda: split_by_hand(bench, larger, mirrorTraffic={"guest": 20})))
    assert splits(bench, larger) == ({GREEN: 100}, {"guest": 20})
    person = Meanwhile("smoke test", lambda: split_by_hand(bench, larger, mirrorTraffic={"blue": 30}))
    bench.up(spec, phases=person)
    assert splits(bench, larger) == ({"blue": 100}, {})
    assert [note for note in person.notes if "nothing is mirrored to blue, which gets requests" in note]


def test_an_endpoint_that_says_it_is_still_updating_is_waited_for(bench: Any, portal: Any, phases: Any) -> None:
    bench.up(bench.spec("settle"))
    portal("settings", {"endpoint_settle_seconds": 1})
    changed = bench.spec("settle", endpoint={"description": "x"}, deployment={"tags": {"a": "b"}})
    bench.up(changed, phases=phases)
    assert [note for note in phases.notes if "is updating: waiting until its deployments may change" in note]
    assert not bench.plan(changed).has_changes
    assert bench.down(changed)["endpoint"] == "delete"


def test_an_endpoint_that_stays_busy_is_not_waited_for_for_ever(bench: Any, portal: Any) -> None:
    portal("settings", {"endpoint_settle_seconds": 600})
    spec = bench.spec("busy")
    bench.environ["GATELIFT_LOCK_TIMEOUT"] = "1"
    with pytest.raises(Refused, match="because it is in Updating provisioning state") as refusal:
        bench.up(spec)
    assert "run the command again in a minute" in refusal.value.hint
    del bench.environ["GATELIFT_LOCK_TIMEOUT"]
    portal("settings", {"endpoint_settle_seconds": 0})
    bench.up(spec)


@pytest.mark.parametrize("lost", [{}, {"status": 502}, {"status": 504}], ids=["reset", "502", "504"])
@pytest.mark.parametrize("path", ["-endpoint\\?", "-endpoint/deployments/", "connections/", "codes/"])
def test_a_write_whose_answer_was_lost_is_not_done_twice(bench: Any, portal: Any, path: str, lost: Any) -> None:
    spec = bench.spec(f"lost{abs(hash((path, str(lost)))) % 10_000}")
    portal("faults", [{"method": "PUT", "path": f"ws-{spec.name}.*{path}", "after": True, "times": 1, **lost}])
    bench.up(spec)
    assert not bench.plan(spec).has_changes
    found = httpx.get(f"{bench.target(spec).portal}/operations", trust_env=False).json()
    mine = [one for one in found if f"/ws-{spec.name}/" in one["resource"].lower()]
    assert sorted(one["kind"] for one in mine) == ["put-deployment", "put-endpoint", "put-endpoint"]
    assert {one["status"] for one in mine} == {"Succeeded"}


def test_a_lock_that_somebody_ends_stops_up_before_its_next_step(bench: Any) -> None:
    spec = bench.spec("broken", deployment={"environment_variables": {"CONTAINER": "sleep"}})

    def end() -> None:
        locks = find_locks(spec, bench.target(spec))
        assert ("stack-broken", "up") in [(lock["lock"], lock["command"]) for lock in locks]
        unlock(bench.target(spec), locks)

    with pytest.raises(Refused, match="the lock of the stack broken was lost") as error:
        bench.up(spec, phases=Meanwhile("deployment", end))
    assert (error.value.code, splits(bench, spec)[0]) == ("lock_lost", {})
    assert find_locks(spec, bench.target(spec)) == []
    bench.up(spec)
    assert splits(bench, spec)[0] == {"blue": 100}


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        pytest.param({"status": 403, "code": "AuthorizationPermissionMismatch"}, AccessDenied,
                     "Storage Blob Data Contributor", id="no-role"),
        pytest.param({"reset": True}, NotReady, "firewall", id="unreachable"),
    ],
)  # fmt: skip
def test_without_a_lock_nothing_is_changed(
    bench: Any, portal: Any, fault: dict[str, Any], error: type[Exception], words: str
) -> None:
    spec = bench.spec("shut" + fault.get("code", "")[:1].lower())
    portal("faults", [{"path": "gatelift-locks", **fault}])
    with pytest.raises(error) as refusal:
        bench.up(spec)
    assert words in refusal.value.hint  # type: ignore[attr-defined]
    target = bench.target(spec)
    assert target.arm.list(f"{target.workspace.id}/onlineEndpoints") == []
    assert target.arm.list(f"{target.workspace.id}/connections") == []


def in_one_workspace(bench: Any, name: str) -> tuple[Any, Any]:
    """Two stacks in the same workspace."""
    first = bench.spec(f"{name}-a", workspace={"name": f"ws-{name}"})
    return first, bench.spec(f"{name}-b", workspace={"name": f"ws-{name}"})


def test_what_another_stack_takes_away_while_a_stack_begins_is_made_again(bench: Any) -> None:
    first, second = in_one_workspace(bench, "tide")
    bench.up(first)
    other = Meanwhile("endpoint", lambda: bench.down(first))
    bench.up(second, phases=other)
    remade = {note.split()[1] for note in other.notes if note.endswith("was deleted meanwhile: made again")}
    assert remade == {"connection", "code", "environment", "model"}
    assert not bench.plan(second).has_changes
    assert bench.down(second)["connection"] == "delete"


def test_two_stacks_that_begin_at_once_use_what_the_first_of_them_makes(bench: Any) -> None:
    first, second = in_one_workspace(bench, "twins")
    other = Meanwhile("endpoint", lambda: bench.up(first))
    bench.up(second, phases=other)
    used = [note.split(" has made the ")[1] for note in other.notes if "meanwhile: used as it is" in note]
    assert {note.split()[0] for note in used} == {"connection", "code", "environment", "model"}
    assert not bench.plan(first).has_changes
    assert not bench.plan(second).has_changes
