"""The container's environment: rendered from `environments/vllm`; a hash of that folder is its version."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ruamel.yaml import YAML

from infra.azure.cloud import Cloud
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.resources.templates import folder_version, read_pins, render_folder

NAME = "gatelift-vllm"


@dataclass(frozen=True)
class Environment(Resource):
    """An environment built from a Dockerfile; the same content is the same version, whoever made it."""

    templates: Path
    stack: str

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

    @cached_property
    def version(self) -> str:
        """A hash of the templates, of the pins and of the code that renders them."""
        return folder_version(self.templates)

    @cached_property
    def desired(self) -> State:
        """Name, version and what is in it; the rest follows from the version."""
        description = f"vLLM {self.pins['vllm_version']} for the gatelift scoring server"
        contents = {"name": NAME, "version": self.version, "description": description}
        return owned(contents, self.stack)

    def files(self) -> dict[str, str]:
        """The rendered files by name."""
        return render_folder(self.templates, {"name": NAME, "version": self.version})

    def settle(self, live: Live) -> State:
        """An existing version has the same content by definition, so there is nothing to compare."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists."""
        document = cloud.management.get(cloud.workspace.asset("environments", NAME, self.version))
        if document is None:
            return None
        state: State = {"name": NAME, "version": self.version}
        return Live(state, owner_of(document["properties"].get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the build context and register the version; Azure builds the image when it is first used."""
        files = self.files()
        document = YAML(typ="safe").load(files.pop("environment.yaml"))
        del document["$schema"]
        with tempfile.TemporaryDirectory(prefix="gatelift-environment-") as temporary:
            folder = Path(temporary, NAME)  # part of each blob's name: must not vary, or the same files are sent again
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")
            cloud.assets.put_environment({**document, **state}, folder)

    def delete(self, cloud: Cloud) -> None:
        """Delete this version."""
        cloud.delete(cloud.workspace.asset("environments", NAME, self.version))
