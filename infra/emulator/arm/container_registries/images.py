"""Which images exist: those that were built here by their names, and everything that the public can pull."""

import re
from collections.abc import Sequence
from typing import Any

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.image import IMAGE_RECORD
from infra.emulator.state.store import Document
from infra.emulator.world import World

CONTAINER_REGISTRIES = "Microsoft.ContainerRegistry"
SUFFIX = ".azurecr.io"
# [HOST/]PATH[:TAG][@DIGEST]: the first part is a host if it has a dot or a port.
REFERENCE = re.compile(
    r"(?:(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
TSG = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg"


def all_container_registries(world: World) -> list[Document]:
    """Every container registry, whatever its resource group."""
    found = world.store.of_type("registries")
    return [item for item in found if f"/providers/{CONTAINER_REGISTRIES.lower()}/" in item["id"].lower()]


def record_image(world: World, login_server: str, name: str, digest: str, command: Sequence[str]) -> Document:
    """Keep an image that was pushed as `NAME[:TAG]`, and what it runs; it is found by tag and by digest."""
    repository, _, tag = name.partition(":")
    image = {"registry": login_server, "repository": repository, "tag": tag or "latest", "digest": digest}
    for suffix in (f":{image['tag']}", f"@{digest}"):
        world.store.put_record(IMAGE_RECORD, f"{login_server}/{repository}{suffix}", {**image, "command": command})
    return image


def parsed(reference: str) -> re.Match[str] | None:
    """The parts of an image's reference; None where it is none."""
    return REFERENCE.fullmatch(reference)


def is_there(world: World, reference: str) -> bool:
    """Whether an image can be pulled: one in a container registry of Azure only if it was built there."""
    match = parsed(reference)
    if not match:
        return False
    host: str = match["host"] or ""
    if not host.endswith(SUFFIX):
        return True
    suffix = f"@{match['digest']}" if match["digest"] else f":{match['tag'] or 'latest'}"
    return world.store.record(IMAGE_RECORD, f"{host}/{match['path']}{suffix}") is not None


def check_image(world: World, environment: dict[str, Any]) -> None:
    """`DeploymentFailed` for an environment whose image cannot be pulled."""
    reference = (environment.get("properties") or {}).get("image")
    if not reference or is_there(world, reference):
        return
    host = reference.partition("/")[0]
    if host.endswith(SUFFIX) and host not in {r["properties"]["loginServer"] for r in all_container_registries(world)}:
        raise DeploymentFailed(
            "ResourceNotFound",
            f"The container registry '{host}' of the image '{reference}' could not be found, or it is private or "
            f"otherwise inaccessible. {TSG}#error-resourcenotfound",
        )
    raise DeploymentFailed(
        "BadArgument",
        f"Unable to download the user container image '{reference}': it could not be found. {TSG}#error-badargument",
    )
