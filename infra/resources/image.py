"""The container's image where gatelift builds it: in the workspace's registry, before anything needs it."""

from dataclasses import dataclass
from typing import ClassVar

from infra.azure.cloud import Cloud
from infra.azure.image_builds import Build, build_image, find_image, require_registry, workspace_registry
from infra.resources.base import Live, Resource, State
from infra.resources.environment import NAME, Environment


@dataclass(frozen=True)
class Image(Resource):
    """The image of one environment version; a build waits here, where no machine is held and no deployment waits."""

    environment: Environment

    kind: ClassVar[str] = "image"

    @property
    def name(self) -> str:
        """`NAME:TAG`; the tag is a hash of what the image is built from."""
        return self.environment.name

    @property
    def desired(self) -> State:
        """The name, and the image that it is built on."""
        return {"name": NAME, "tag": self.environment.version, "base": self.environment.base}

    def settle(self, live: Live) -> State:
        """An image of this tag has the same content by definition, so there is nothing to compare."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The image, if the environment names it already or a build has pushed it."""
        if self.environment.read(cloud) is not None:
            return Live(self.desired)
        registry = workspace_registry(cloud)
        found = registry and find_image(cloud, registry, NAME, self.environment.version)
        return Live({**self.desired, "image": found}) if found else None

    def create(self, cloud: Cloud, state: State) -> None:
        """Build it, and wait until it is in the registry."""
        self.build(cloud)

    def build(self, cloud: Cloud) -> str:
        """Build it, report the lines of its log, and return it by its digest."""
        context = self.environment.build_context()
        if "@" not in self.environment.base:
            cloud.reporter.note(f"image: {self.environment.base} is not pinned by a digest, so its content may change")
        build = Build(NAME, self.environment.version, context)
        return build_image(cloud, require_registry(cloud), build, lambda line: cloud.reporter.note(f"image: {line}"))

    def delete(self, cloud: Cloud) -> None:
        """Leave it in the registry: Resource Manager cannot delete images, and the next `up` needs it again."""
