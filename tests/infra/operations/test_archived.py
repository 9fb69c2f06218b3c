"""`down` where Azure does not delete versions of environments: they are archived, and `up` restores them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.operations.down import down


@pytest.fixture
def deletable(bench: Any) -> Iterator[None]:
    """The emulator deletes environments."""
    url = f"{bench.target(bench.spec('deletable')).portal}/settings"
    httpx.put(url, json={"delete_environments": 1}, trust_env=False).raise_for_status()
    yield
    httpx.put(url, json={"delete_environments": 0}, trust_env=False).raise_for_status()


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


def test_up_restores_what_down_has_archived(bench: Any, actions: Any) -> None:
    spec = bench.spec("revived")
    bench.up(spec)
    before, container = environment(bench, spec)
    bench.down(spec)
    assert actions(bench.plan(spec))["environment"] == "create"
    assert bench.up(spec).answer == "org/gated with a token"
    assert environment(bench, spec)[0]["properties"] == before["properties"]
    assert len(bench.target(spec).arm.list(f"{container}/versions")) == 1
    assert not bench.plan(spec).has_changes


def test_up_restores_a_version_whose_image_is_another_build(bench: Any) -> None:
    spec = bench.spec("rebuilt")
    bench.up(spec)
    before, _ = environment(bench, spec)
    other = {**before["properties"], "isArchived": True}
    bench.down(spec)
    resource, _ = bench.sources.assets(spec)
    id = bench.target(spec).cloud.workspace.asset_id("environments", f"azureml:{resource.name}")
    builds = bench.target(spec).cloud
    portal_settings = f"{bench.target(spec).portal}/settings"
    httpx.put(portal_settings, json={"delete_environments": 1}, trust_env=False).raise_for_status()
    builds.delete(id)
    httpx.put(portal_settings, json={"delete_environments": 0}, trust_env=False).raise_for_status()
    builds.management.put(id, {"properties": {**other, "image": "docker.io/somebody/vllm@sha256:" + "1" * 64}})
    bench.up(spec)
    after = environment(bench, spec)[0]["properties"]
    assert (after["isArchived"], after["image"].partition("@")[0]) == (False, "docker.io/somebody/vllm")


@pytest.mark.usefixtures("deletable")
def test_down_deletes_what_it_can(bench: Any, phases: Any) -> None:
    spec = bench.spec("deleted")
    bench.up(spec)
    down(spec, bench.target(spec), reporter=phases)
    assert environment(bench, spec)[0] is None
    assert phases.notes == []
