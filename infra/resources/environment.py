"""The container's environment: the image, and the paths on which it is asked; a hash of both is its version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ruamel.yaml import YAML

from infra.azure.cloud import Cloud
from infra.azure.image_builds import find_image, require_registry
from infra.digests import fingerprint
from infra.errors import NotFound, Refused
from infra.resources.asset_versions import remove_version, restore_version
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.resources.templates import folder_version, read_pins, render_folder
from infra.spec.model import BuildSpec, EnvironmentSpec

NAME = "gatelift-vllm"
DOCUMENT = "environment.yaml"
BUILT = EnvironmentSpec(build=BuildSpec())


@dataclass(frozen=True)
class Environment(Resource):
    """An environment with a ready image, or with one that was built from the templates; shared by all stacks."""

    templates: Path
    stack: str
    spec: EnvironmentSpec = BUILT

    kind: ClassVar[str] = "environment"
    shared: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """`NAME:VERSION`."""
        return f"{NAME}:{self.version}"

    @cached_property
    def pins(self) -> Mapping[str, Any]:
        """What the templates are rendered with, such as vLLM's version."""
        return read_pins(self.templates)

    @property
    def base(self) -> str:
        """The image that the Dockerfile builds on: the spec's, or the pinned one with its digest if that is known."""
        if self.spec.build and self.spec.build.base:
            return self.spec.build.base
        pinned = self.pins["base"]
        digest = f"@{pinned['digest']}" if pinned.get("digest") else ""
        return f"{pinned['image']}:{pinned['tag']}{digest}"

    @cached_property
    def version(self) -> str:
        """A hash of the templates, the pins, the code that renders them, and of what the spec says about the image."""
        chosen = self.spec.image or (self.spec.build.base if self.spec.build else None)
        version = folder_version(self.templates)
        return fingerprint([version, chosen]) if chosen else version

    @cached_property
    def desired(self) -> State:
        """Name, version and what is in it; the rest follows from the version."""
        description = f"vLLM {self.pins['vllm_version']} for the gatelift scoring server"
        contents = {"name": NAME, "version": self.version, "description": description}
        if self.spec.image:
            contents["image"] = self.spec.image
        return owned(contents, self.stack)

    def files(self, image: str) -> dict[str, str]:
        """The rendered files by name; `image` is the one that the environment names."""
        return render_folder(self.templates, {"name": NAME, "version": self.version, "base": self.base, "image": image})

    def build_context(self) -> dict[str, str]:
        """The files from which the image is built."""
        files = self.files("")
        del files[DOCUMENT]
        return files

    def settle(self, live: Live) -> State:
        """An existing version has the same content by definition, so there is nothing to compare."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists; an archived one is to be made again, so that Azure lists it."""
        document = cloud.management.get(self._id(cloud))
        if document is None or document["properties"].get("isArchived"):
            return None
        state: State = {"name": NAME, "version": self.version}
        return Live(state, owner_of(document["properties"].get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Register the version with its image, which exists by now."""
        document = YAML(typ="safe").load(self.files(self.spec.image or self._built(cloud))[DOCUMENT])
        properties = {
            "image": document["image"],
            "osType": "Linux",
            "inferenceConfig": {_camel(name): route for name, route in document["inference_config"].items()},
            "description": state["description"],
            "tags": state["tags"],
            "isArchived": False,
        }
        try:
            cloud.management.put(self._id(cloud), {"properties": properties})
        except Refused:
            # The same files were built by another run, or before: that image is as good, though its digest is another.
            if not restore_version(cloud, self._id(cloud)):
                raise

    def delete(self, cloud: Cloud) -> None:
        """Delete this version, or archive it."""
        remove_version(cloud, self._id(cloud))

    def _built(self, cloud: Cloud) -> str:
        if image := find_image(cloud, require_registry(cloud), NAME, self.version):
            return image
        raise NotFound(
            f"the image {self.name} is no longer in the workspace's registry",
            hint="run the command again: it builds the image",
            code="image_not_found",
        )

    def _id(self, cloud: Cloud) -> str:
        return cloud.workspace.asset("environments", NAME, self.version)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
