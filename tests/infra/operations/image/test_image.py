"""The container's image: built before the deployment is written, once for the same content, or named ready."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.azure.image_builds import Build, build_image, require_registry
from infra.errors import GateliftError, OperationFailed, Refused, SpecError
from infra.operations.image import image_build, image_build_with_docker
from infra.planning.plan import Plan
from infra.reporter import Silent
from infra.spec.model import StackSpec

Actions = Callable[[Plan], dict[str, str]]
BUILD = Build("box", "1", {"Dockerfile": "FROM docker.io/library/python:3.11\n"})
PUBLIC = "ghcr.io/gatelift/gatelift-vllm@sha256:" + "a" * 64


def live_image(bench: Any, spec: StackSpec) -> str:
    """The image that the stack's deployment runs."""
    target = bench.target(spec)
    deployment = target.arm.get(target.workspace.deployment(spec.endpoint.name, "blue"))
    environment = target.arm.get(deployment["properties"]["environmentId"])
    return str(environment["properties"]["image"])


@pytest.fixture
def strike(bench: Any) -> Any:
    """Makes builds end with an error."""

    def strike(spec: StackSpec, code: str, message: str, **more: Any) -> str:
        portal = bench.target(spec).portal
        rule = {"method": "POST", "path": "scheduleRun", "operation": {"code": code, "message": message}, **more}
        httpx.put(f"{portal}/faults", json=[rule], trust_env=False).raise_for_status()
        portals.append(portal)
        return str(portal)

    portals: list[str] = []
    yield strike
    for portal in portals:
        httpx.put(f"{portal}/faults", json=[], trust_env=False).raise_for_status()


def test_the_image_is_built_first_and_told_with_its_log(bench: Any, phases: Any, actions: Actions) -> None:
    spec = bench.spec("built")
    assert actions(bench.plan(spec))["image"] == "create"
    bench.up(spec, phases=phases)
    order = [kind for kind in phases.finished if kind in ("image", "environment", "deployment")]
    assert order == ["image", "environment", "deployment"]
    assert any(note.startswith("image: Step 1/") and "vllm/vllm-openai" in note for note in phases.notes)
    assert "@sha256:" in live_image(bench, spec)
    assert ".azurecr.io/gatelift-vllm@" in live_image(bench, spec)
    assert actions(bench.plan(spec)) == {}


def test_the_same_content_is_built_once(bench: Any, actions: Actions) -> None:
    spec = bench.spec("once")
    bench.up(spec)
    first = live_image(bench, spec)
    bench.down(spec)
    assert {"image": "create"}.items() & actions(bench.plan(spec)).items() == set()
    bench.up(spec)
    assert live_image(bench, spec) == first


def test_a_run_that_was_first_with_the_same_files_is_as_good(bench: Any) -> None:
    spec = bench.spec("raced")
    target = bench.target(spec)
    built = [build_image(target.cloud, require_registry(target.cloud), BUILD, lambda line: None) for _ in range(2)]
    assert built[0] != built[1]
    environment, _ = bench.sources.assets(spec)
    image_build(spec, target, base=None, reporter=Silent())
    target.arm.put(environment._id(target.cloud), {"properties": {"image": built[0]}})
    environment.create(target.cloud, environment.desired)
    assert target.arm.get(environment._id(target.cloud))["properties"]["image"] == built[0]


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        pytest.param("Failed", "toomanyrequests: You have reached your pull rate limit", "Docker Hub", id="docker-hub"),
        pytest.param("Failed", "client with IP '1.2.3.4' is not allowed access", "is private", id="private"),
        pytest.param("Timeout", "the run was stopped", "longer than its limit", id="time-out"),
    ],
)
def test_a_failed_build_ends_up_before_the_deployment(
    bench: Any, strike: Any, code: str, message: str, cause: str
) -> None:
    spec = bench.spec(f"unbuilt-{cause[:2].strip().lower()}")
    strike(spec, code, message)
    with pytest.raises(OperationFailed) as error:
        bench.up(spec)
    assert (error.value.code, cause in error.value.cause) == ("ImageBuildFailure", True)
    assert message in error.value.log
    target = bench.target(spec)
    assert target.arm.list(f"{target.workspace.endpoint(spec.endpoint.name)}/deployments") == []


def test_the_next_up_builds_again(bench: Any, strike: Any) -> None:
    spec = bench.spec("again")
    strike(spec, "Failed", "exit status 1", times=1)
    with pytest.raises(OperationFailed, match="ended as Failed: exit status 1"):
        bench.up(spec)
    assert bench.up(spec).answer == "org/gated with a token"


def test_a_workspace_without_a_registry_is_told_before_anything_is_made(bench: Any) -> None:
    spec = bench.spec("bare")
    target = bench.target(spec)
    target.arm.put(target.workspace.id, {"location": "eastus", "properties": {}})
    with pytest.raises(Refused, match="no container registry") as error:
        bench.up(spec)
    assert "environment.image" in error.value.hint
    assert target.arm.get(target.workspace.endpoint(spec.endpoint.name)) is None
    ready = bench.spec("bare", environment={"image": PUBLIC})
    assert bench.up(ready).answer == "org/gated with a token"


def test_a_ready_image_needs_no_build(bench: Any, actions: Actions) -> None:
    spec = bench.spec("ready", environment={"image": PUBLIC})
    planned = bench.plan(spec)
    assert "image" not in {change.kind for change in planned.changes}
    [environment] = [change for change in planned.changes if change.kind == "environment"]
    assert ("image", PUBLIC) in [(change.path, change.after) for change in environment.diff]
    bench.up(spec)
    assert live_image(bench, spec) == PUBLIC
    other = bench.spec("ready", environment={"image": PUBLIC.replace("a" * 64, "b" * 64)})
    assert actions(bench.plan(other)) == {"environment": "create", "deployment": "update"}


def test_an_image_that_is_not_there_fails_as_on_azure(bench: Any) -> None:
    image = "nowhere.azurecr.io/box@sha256:" + "0" * 64
    with pytest.raises(OperationFailed) as error:
        bench.up(bench.spec("absent", environment={"image": image}))
    assert error.value.code == "ResourceNotFound"
    assert "registry is private" in error.value.cause


def test_an_image_that_was_deleted_since_can_be_built_again(bench: Any, phases: Any) -> None:
    spec = bench.spec("purged")
    target = bench.target(spec)
    first = image_build(spec, target, base=None, reporter=phases).image
    gone = first.rpartition("@")[0] + "@sha256:" + "0" * 64
    with pytest.raises(OperationFailed) as error:
        bench.up(bench.spec("purged", environment={"image": gone}))
    assert "image build SPEC --rebuild" in error.value.hint
    again = image_build(spec, target, base=None, reporter=phases, rebuild=True)
    assert again.built
    assert again.image != first
    assert bench.up(bench.spec("purged", environment={"image": again.image})).answer


def test_image_build_makes_what_up_needs(bench: Any, phases: Any) -> None:
    spec = bench.spec("ahead")
    target = bench.target(spec)
    built = image_build(spec, target, base="vllm/vllm-openai:v0.29.0-cu129", reporter=phases)
    assert (built.built, built.base, phases.finished) == (True, "vllm/vllm-openai:v0.29.0-cu129", ["image"])
    again = image_build(spec, target, base="vllm/vllm-openai:v0.29.0-cu129", reporter=phases)
    assert (again.image, again.built) == (built.image, False)
    named = bench.spec("ahead", environment={"image": built.image})
    bench.up(named)
    assert live_image(bench, named) == built.image
    with pytest.raises(SpecError, match="nothing to build"):
        image_build(named, target, base=None, reporter=phases)


DOCKER = """#!/bin/sh
echo "$@" >> "$0.log"
case "$1" in
  build) shift 5; cp "$1/Dockerfile" "$0.dockerfile"; echo "#1 building" ;;
  push) [ ! -e "$0.refuses" ] || { echo "denied: no such repository"; exit 1; } ;;
  image) echo "other.example.org/box@sha256:1"; echo "ghcr.io/you/box@sha256:2" ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker command that notes what it is told."""
    command = tmp_path / "docker"
    command.write_text(DOCKER)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return command


def test_docker_builds_and_pushes(docker: Path, bench: Any, phases: Any) -> None:
    spec = bench.spec("docker")
    built = image_build_with_docker(spec, base="base/image:1", push="ghcr.io/you/box", reporter=phases)
    assert built.image == "ghcr.io/you/box@sha256:2"
    assert docker.with_name("docker.dockerfile").read_text().splitlines()[2] == "FROM base/image:1"
    said = [line.split()[0] for line in docker.with_name("docker.log").read_text().splitlines()]
    assert said == ["build", "tag", "push", "image"]
    assert "image: #1 building" in phases.notes
    local = image_build_with_docker(spec, base=None, push=None, reporter=phases)
    assert local.image.startswith("gatelift-vllm:")


def test_a_push_to_docker_hub_is_known_by_the_name_that_docker_shows(docker: Path, bench: Any, phases: Any) -> None:
    docker.write_text(DOCKER.replace("ghcr.io/you/box@", "you/box@"))
    built = image_build_with_docker(bench.spec("hub"), base=None, push="docker.io/you/box", reporter=phases)
    assert built.image == "docker.io/you/box@sha256:2"


def test_a_push_that_is_refused_says_why(docker: Path, bench: Any, phases: Any) -> None:
    docker.with_name("docker.refuses").touch()
    with pytest.raises(OperationFailed, match="denied: no such repository") as error:
        image_build_with_docker(bench.spec("docker"), base=None, push="ghcr.io/you/box", reporter=phases)
    assert "docker login" in error.value.hint


def test_without_docker_there_is_another_way(
    bench: Any, phases: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateliftError, match="no docker command") as error:
        image_build_with_docker(bench.spec("docker"), base=None, push=None, reporter=phases)
    assert "workspace's container registry" in error.value.hint
