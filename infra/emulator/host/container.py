"""The container of a deployment: everything that decides how its instances run, read from the store."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.image import image_command, image_name
from infra.emulator.host.probes import Probe
from infra.emulator.host.secret_references import identities_of, resolve_environment
from infra.emulator.world import World

VERSIONED = re.compile(r"(?P<container>.+)/(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))")
REGISTRY = re.compile(r"azureml://registries/(?P<registry>[^/]+)/(?P<path>.+)")


@dataclass(frozen=True)
class Asset:
    """A versioned asset of a container, whose files are at `uri`."""

    name: str
    version: str
    uri: str

    @property
    def folder(self) -> str:
        """The last part of the URI, after which Azure names the folder of the code."""
        return unquote(urlsplit(self.uri).path).rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Container:
    """How every instance of one deployment runs; two with the same fingerprint need no replacement."""

    fingerprint: str
    image: str
    command: tuple[str, ...]
    code: Asset
    scoring_script: str
    model: Asset | None
    model_mount_path: str | None
    variables: Mapping[str, str]
    secrets: frozenset[str]
    identity: str
    liveness: Probe
    readiness: Probe


def read_container(world: World, deployment_id: str) -> Container:
    """Read a deployment, its assets and its secrets; `DeploymentFailed` where one is missing."""
    deployment = world.store.get(deployment_id) or {}
    properties: dict[str, Any] = deployment.get("properties", {})
    endpoint_id = deployment_id.rstrip("/").rsplit("/", 2)[0]
    environment_id, environment = _read_asset(world, "environment", properties.get("environmentId"))
    code_settings = properties.get("codeConfiguration") or {}
    if not code_settings.get("codeId"):
        raise DeploymentFailed(
            "BadArgument",
            "The deployment has no code_configuration. This emulator pulls no image, so the code of the deployment "
            "is the only thing that it can run: give the deployment a code_configuration with a scoring_script.",
        )
    code_id, code = _read_asset(world, "code", code_settings["codeId"])
    model_id, model = _read_asset(world, "model", properties["model"]) if properties.get("model") else ("", None)
    resolved = resolve_environment(world, endpoint_id, properties.get("environmentVariables") or {})
    routes = environment.get("inferenceConfig") or {}
    command = image_command(world, environment_id, environment)
    fingerprinted = [
        *(environment_id, environment, command, code_id, code.get("codeUri"), code_settings, model_id),
        *(properties.get(key) for key in ("modelMountPath", "livenessProbe", "readinessProbe", "instanceType")),
        dict(resolved.variables),
    ]
    return Container(
        fingerprint=hashlib.sha256(json.dumps(fingerprinted, sort_keys=True).encode()).hexdigest(),
        image=image_name(environment_id, environment),
        command=command,
        code=_asset(code_id, code["codeUri"]),
        scoring_script=code_settings.get("scoringScript") or "",
        model=_asset(model_id, model["modelUri"]) if model and model.get("modelUri") else None,
        model_mount_path=properties.get("modelMountPath"),
        variables=resolved.variables,
        secrets=resolved.secrets,
        identity=next(iter(identities_of(world, endpoint_id)), ""),
        liveness=Probe.from_wire(_path(routes, "livenessRoute"), properties.get("livenessProbe")),
        readiness=Probe.from_wire(_path(routes, "readinessRoute"), properties.get("readinessProbe")),
    )


def _read_asset(world: World, kind: str, reference: str | None) -> tuple[str, dict[str, Any]]:
    """The id and the properties of the version that a reference names; any label means the newest."""
    wanted = reference or ""
    if "://" not in wanted:
        wanted = wanted.removeprefix("azureml:")
    if match := REGISTRY.fullmatch(wanted):
        registries = world.store.of_type("registries")
        found = (
            entry["id"]
            for entry in registries
            if entry["name"].lower() == match["registry"].lower()
            and "/microsoft.machinelearning" in entry["id"].lower()
        )
        wanted = f"{next(found, '')}/{match['path']}"
    if (match := VERSIONED.fullmatch(wanted)) and match["label"]:
        versions = world.store.children(match["container"], "versions")
        newest = max(versions, key=lambda version: version["systemData"]["createdAt"], default=None)
        wanted = f"{match['container']}/versions/{newest['name']}" if newest else wanted
    document = world.store.get(wanted)
    if document is None:
        raise DeploymentFailed("BadArgument", f"The {kind} '{reference}' of the deployment was not found.")
    return wanted, document.get("properties", {})


def _asset(id: str, uri: str) -> Asset:
    name, _, version = id.rstrip("/").rsplit("/", 2)
    return Asset(name.rpartition("/")[2] or name, version, uri)


def _path(routes: Mapping[str, Any], route: str) -> str:
    return str((routes.get(route) or {}).get("path") or "/")
