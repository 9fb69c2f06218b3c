"""`down` where Azure does not delete versions of environments: they are archived, and `up` uses them again."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.operations.down import down


@pytest.fixture
def deletable(bench: Any) -> Iterator[None]:
    """The emulator deletes environments."""
    url = f"{bench.target(bench.spec('deletable')).portal}/settings"
    httpx.put(url, json={"delete_environments": 1}).raise_for_status()
    yield
    httpx.put(url, json={"delete_environments": 0}).raise_for_status()


def environment(bench: Any, spec: Any) -> tuple[Any, str]:
    """The environment as it is, and the id of its container."""
    target, (resource, _) = bench.target(spec), bench.sources.assets(spec)
    id = target.cloud.workspace.asset_id("environments", f"azureml:{resource.name}")
    return target.arm.get(id), id.rpartition("/versions/")[0]


def test_down_archives_what_it_cannot_delete_and_tells(bench: Any, phases: Any) -> None:
    spec = bench.spec("archived")
    bench.up(spec)
    before, container = environment(bench, spec)
    down(spec, bench.target(spec), reporter=phases)
    after, _ = environment(bench, spec)
    [told] = phases.notes
    assert told.startswith("environments gatelift-vllm:")
    assert "is archived: Azure does not delete it (MethodNotAllowed)" in told
    assert after["properties"] == {**before["properties"], "isArchived": True}
    assert bench.target(spec).arm.list(f"{container}/versions") == []
    assert not bench.down(spec)


def test_up_uses_what_down_has_archived(bench: Any) -> None:
    spec = bench.spec("revived")
    bench.up(spec)
    bench.down(spec)
    assert bench.up(spec).answer == "org/gated with a token"
    assert not bench.plan(spec).has_changes


@pytest.mark.usefixtures("deletable")
def test_down_deletes_what_it_can(bench: Any, phases: Any) -> None:
    spec = bench.spec("deleted")
    bench.up(spec)
    down(spec, bench.target(spec), reporter=phases)
    assert environment(bench, spec)[0] is None
    assert phases.notes == []
