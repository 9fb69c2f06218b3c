"""`up` of an endpoint without public network access, from outside its network and from inside."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.azure.target import Target
from infra.errors import AccessDenied, NotReady
from infra.operations.chat import ChatClient
from infra.operations.connect import connect
from infra.operations.rollback import rollback
from infra.operations.up import up
from infra.planning.prepare import prepare
from infra.reporter import Silent

PRIVATE = {"public_network_access": "disabled"}


@pytest.fixture
def target(bench: Any) -> Iterator[Target]:
    target = bench.target(bench.spec("private"))
    yield target
    from_inside(target, 0)


def from_inside(target: Target, value: int) -> None:
    httpx.put(f"{target.portal}/settings", json={"endpoint_requests_from_inside": value}, trust_env=False)


def traffic(target: Target, name: str) -> dict[str, int]:
    document = target.arm.get(target.cloud.workspace.endpoint(f"{name}-endpoint"))
    assert document is not None
    return dict(document["properties"]["traffic"])


def test_traffic_moves_to_a_private_endpoint_only_tested_or_when_told(bench: Any, target: Target, phases: Any) -> None:
    spec = bench.spec("private", endpoint=PRIVATE)
    with pytest.raises(NotReady) as outside:
        bench.up(spec, phases=phases)
    assert outside.value.code == "endpoint_private"
    assert "inside the workspace's virtual network" in outside.value.hint
    assert "--skip-smoke-test" in outside.value.hint
    assert "blue is running but untested; the traffic was not moved" in phases.notes
    assert traffic(target, "private") == {}

    prepared = prepare(spec, target, token=None, sources=bench.sources, with_credential=True)
    result = up(prepared, target, reporter=phases, smoke=False)
    assert (result.answer, traffic(target, "private")) == ("", {"blue": 100})
    assert any("the smoke test of blue was skipped" in note for note in phases.notes)
    assert not bench.plan(spec).has_changes

    with ChatClient(connect(spec, target)) as chat, pytest.raises(AccessDenied) as refused:
        list(chat.stream([{"role": "user", "content": "hi"}]))
    assert "virtual network" in refused.value.hint


def test_from_inside_a_private_endpoint_is_tested_as_any(bench: Any, target: Target) -> None:
    from_inside(target, 1)
    assert bench.up(bench.spec("within", endpoint=PRIVATE)).answer == "org/gated with a token"
    assert traffic(bench.target(bench.spec("within")), "within") == {"blue": 100}


def test_a_rollback_is_tested_or_told_not_to_be(bench: Any, target: Target) -> None:
    from_inside(target, 1)
    bench.up(bench.spec("retreat", endpoint=PRIVATE))
    green = bench.spec("retreat", endpoint=PRIVATE, deployment={"name": "green"})
    bench.up(green)
    from_inside(target, 0)
    with pytest.raises(NotReady) as outside:
        rollback(green, bench.target(green), reporter=Silent())
    assert outside.value.code == "endpoint_private"
    assert traffic(bench.target(green), "retreat") == {"green": 100}
    assert rollback(green, bench.target(green), reporter=Silent(), smoke=False)["traffic"] == {"blue": 100}
