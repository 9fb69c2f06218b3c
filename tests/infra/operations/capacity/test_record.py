"""Records of parked stacks that are damaged, of others, or say nothing: each is told, and `up` and `down` go on."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError, NotFound
from infra.operations.capacity.park import park
from infra.operations.capacity.wake import plan_wake, wake
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.reporter import Silent
from infra.resources.scaling.parked import WOKE_TAG, parked_deployments
from tests.infra.cli.conftest import environment
from tests.infra.operations.conftest import Bench

CONTAINER = Path(__file__).parents[2] / "container"
BODY = {"name": "blue", "sku": {"capacity": 1}, "properties": {"instanceType": "Standard_NC24ads_A100_v4"}}
KNOWN = {"version": 1, "stack": "archive", "since": "2026-12-01T00:00:00Z", "deployments": [BODY]}


@pytest.fixture(scope="module")
def parked(emulator_state: Path) -> Iterator[Any]:
    """A parked stack; its bench, its spec and its record."""
    with environment(dict(os.environ)):
        sources = Sources(CONTAINER, bundled("environments") / "vllm")
        bench = Bench({"GATELIFT_EMULATOR_STATE": str(emulator_state)}, sources)
        spec = bench.spec("archive")
        bench.up(spec)
        park(spec, bench.target(spec), reporter=Silent())
        yield bench, spec, bench.target(spec).cloud.records.read(spec.endpoint.name)


def endpoint(bench: Any, spec: Any) -> Any:
    target = bench.target(spec)
    return target.arm.get(target.workspace.endpoint(spec.endpoint.name))


@pytest.mark.parametrize(
    ("record", "code"),
    [
        pytest.param({}, "record_unknown", id="empty"),
        pytest.param(KNOWN | {"version": 2}, "record_unknown", id="another-version"),
        pytest.param(KNOWN | {"deployments": 5}, "record_damaged", id="no-list"),
        pytest.param(KNOWN | {"deployments": [{}]}, "record_damaged", id="no-deployment"),
        pytest.param(KNOWN | {"deployments": [BODY | {"properties": None}]}, "record_damaged", id="no-properties"),
        pytest.param(KNOWN | {"deployments": [BODY | {"sku": {}}]}, "record_damaged", id="no-count"),
        pytest.param(KNOWN | {"traffic": {"blue": "all"}}, "record_damaged", id="no-share"),
        pytest.param(KNOWN | {"stack": "another"}, "record_of_another", id="of-another-stack"),
        pytest.param(KNOWN | {"deployments": []}, "nothing_to_wake", id="nothing-ran"),
    ],
)
def test_what_cannot_be_woken_is_told_and_kept(parked: Any, record: dict[str, Any], code: str) -> None:
    bench, spec, _ = parked
    target = bench.target(spec)
    target.cloud.records.write(spec.endpoint.name, record)
    for act in (lambda: plan_wake(spec, target), lambda: wake(spec, target, reporter=Silent())):
        with pytest.raises(GateliftError) as error:
            act()
        assert (error.value.code, "`gatelift up` makes" in error.value.hint) == (code, True)
    document = endpoint(bench, spec)
    assert "gatelift_parked" in document["tags"]
    assert len(parked_deployments(target.cloud, document)) <= 1  # others take the stack as it is


def test_a_damaged_record_is_no_hindrance_to_down(parked: Any) -> None:
    bench, spec, _ = parked
    records = bench.target(spec).cloud.records
    records.write(spec.endpoint.name, {"version": 1, "deployments": 5})
    bench.down(spec)
    assert records.read(spec.endpoint.name) is None
    with pytest.raises(NotFound):
        wake(spec, bench.target(spec), reporter=Silent())
    bench.up(spec)
    park(spec, bench.target(spec), reporter=Silent())


def test_only_a_whole_wake_tells_how_long_one_takes(parked: Any) -> None:
    bench, spec, record = parked
    target = bench.target(spec)
    target.cloud.records.write(spec.endpoint.name, record)
    body = dict(record["deployments"][0])
    id = target.workspace.deployment(spec.endpoint.name, body.pop("name"))
    target.cloud.poller.wait(target.arm.begin_put(id, body))  # an earlier wake, which was killed afterwards
    assert wake(spec, target, reporter=Silent()).deployments == ("blue",)
    assert WOKE_TAG not in endpoint(bench, spec)["tags"]
    park(spec, bench.target(spec), reporter=Silent())
    wake(spec, bench.target(spec), reporter=Silent())
    assert endpoint(bench, spec)["tags"][WOKE_TAG].isdecimal()
