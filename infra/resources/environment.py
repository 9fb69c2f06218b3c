"""The container's environment: rendered from `environments/vllm`, its version is its content."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from ruamel.yaml import YAML

from infra.azure.cloud import Cloud
from infra.digests import fingerprint
from infra.resources.base import Live, Resource, State, owned, owner_of
from infra.resources.templates import render

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
        """What the templates are rendered with."""
        pins: Mapping[str, Any] = YAML(typ="safe").load((self.templates / "pins.yaml").read_text(encoding="utf-8"))
        return pins

    @cached_property
    def version(self) -> str:
        """The content's hash."""
        return fingerprint(self.files("0"))

    @cached_property
    def desired(self) -> State:
        """The rendered environment, in Azure's own YAML."""
        document = YAML(typ="safe").load(StringIO(self.files(self.version)["environment.yaml"]))
        document.pop("$schema", None)
        return owned(document, self.stack)

    def files(self, version: str) -> dict[str, str]:
        """The rendered files by name."""
        values = {**self.pins, "name": NAME, "version": version}
        return {path.stem: render(path, values) for path in sorted(self.templates.glob("*.j2"))}

    def settle(self, live: Live) -> State:
        """A version that exists has this very content: there is nothing to compare."""
        return {}

    def read(self, cloud: Cloud) -> Live | None:
        """The version, if it exists."""
        document = cloud.management.get(cloud.workspace.asset("environments", NAME, self.version))
        if document is None:
            return None
        state: State = {"name": NAME, "version": self.version}  # the rest is in the version
        return Live(state, owner_of(document["properties"].get("tags")), "Succeeded", document)

    def create(self, cloud: Cloud, state: State) -> None:
        """Upload the build context and register the version; Azure builds the image when it is first used."""
        with tempfile.TemporaryDirectory(prefix="gatelift-environment-") as temporary:
            folder = Path(temporary, NAME)  # its name is part of the blobs': the same files go up only once
            folder.mkdir()
            for name, text in self.files(self.version).items():
                if name != "environment.yaml":  # its content is in `state`; in the context it would only be uploaded
                    (folder / name).write_text(text, encoding="utf-8")
            cloud.assets.put_environment(state, folder)

    def delete(self, cloud: Cloud) -> None:
        """Take this version away."""
        cloud.delete(cloud.workspace.asset("environments", NAME, self.version))
