"""`image build`: the container's image, built ahead of every deployment, in the workspace's registry or by Docker."""

from typing import Any

from msgspec import Struct

from infra.azure.image_builds import find_image, require_registry
from infra.azure.target import Target
from infra.docker import docker_build, docker_push
from infra.errors import SpecError
from infra.planning.desired import shipped_sources
from infra.reporter import Reporter
from infra.resources.environment import NAME, Environment
from infra.resources.image import Image
from infra.spec.model import BuildSpec, EnvironmentSpec, StackSpec


class BuiltImage(Struct, frozen=True):
    """The image: by its digest, or by its tag where only this machine has it."""

    image: str
    base: str
    built: bool
    """False where an earlier build had made it already."""

    def to_json(self) -> dict[str, Any]:
        """The document that `image build --output json` prints."""
        return {"image": self.image, "base": self.base, "built": self.built}


def image_build(
    spec: StackSpec, target: Target, *, base: str | None, reporter: Reporter, rebuild: bool = False
) -> BuiltImage:
    """Build the spec's image in the workspace's registry, and wait for it.

    One that an earlier build has made of the same content is taken, unless it is to be built again: the registry's
    runs do not tell whether somebody has deleted it since.
    """
    environment = _environment(spec, base)
    cloud = target.cloud_for(reporter)
    registry = require_registry(cloud)
    if not rebuild and (found := find_image(cloud, registry, NAME, environment.version)):
        return BuiltImage(found, environment.base, built=False)
    began = cloud.clock.now()
    reporter.phase_started("image", environment.name)
    image = Image(environment).build(cloud)
    reporter.phase_finished("image", environment.name, cloud.clock.now() - began, "created")
    return BuiltImage(image, environment.base, built=True)


def image_build_with_docker(spec: StackSpec, *, base: str | None, push: str | None, reporter: Reporter) -> BuiltImage:
    """Build the spec's image with Docker on this machine; with `push`, push it to that repository."""
    environment = _environment(spec, base)

    def tell(line: str) -> None:
        reporter.note(f"image: {line}")

    docker_build(environment.build_context(), environment.name, tell)
    image = docker_push(environment.name, push, tell) if push else environment.name
    return BuiltImage(image, environment.base, built=True)


def pinned_base() -> str:
    """The image that gatelift's own builds on."""
    return Environment(shipped_sources().environment, "").base


def _environment(spec: StackSpec, base: str | None) -> Environment:
    if base:
        spec = spec.but(environment=EnvironmentSpec(build=BuildSpec(base=base)))
    if spec.environment.image:
        raise SpecError(
            f"environment.image names a ready image, so there is nothing to build: {spec.environment.image}",
            hint="give --base, or write `build: {}` instead of `image` in the spec",
        )
    return shipped_sources().assets(spec)[0]
