"""The work of a build: reads the source as Docker would, and records the image without building it."""

import hashlib
import posixpath
import re
import tarfile
from typing import Any

from infra.emulator.arm.call import now
from infra.emulator.arm.container_registries.images import is_there, record_image
from infra.emulator.arm.container_registries.routes import blob_container, write_log
from infra.emulator.host.image import dockerfile_command
from infra.emulator.state.store import Document
from infra.emulator.world import World

NOT_BUILT = "gatelift emulator: no step is executed and nothing is built here, the image is only recorded"
# How a run ends by the code of the fault that was injected; any other code is a failure.
ENDS = {"timeout": ("Timeout", "timedout"), "canceled": ("Canceled", "canceled"), "error": ("Error", "internalerror")}
FROM = re.compile(r"FROM\s+(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)


class BuildFailed(Exception):
    """The build fails with this line at the end of its log."""


async def run_build(world: World, operation: Document) -> None:
    """Carry out a build: its log, its images and its end are kept."""
    run = world.store.get(operation["resource"])
    if run is None:  # deleted with its registry
        return
    request = operation["payload"]["request"]
    _change(world, run, status="Running", startTime=now())
    log = [NOT_BUILT, "Downloading source code..."]
    try:
        files = _source(world, run, request["sourceLocation"])
        log += _steps(world, files, request["dockerFilePath"])
        images = _push(world, run, request, files) if request.get("isPushEnabled", True) else []
    except BuildFailed as failure:
        _end(world, run, [*log, str(failure)], "Failed", "failed")
        return
    log += [f"{one['repository']}:{one['tag']}: digest: {one['digest']} size: 0" for one in images]
    run["properties"]["outputImages"] = images
    _end(world, run, [*log, f"Run ID: {run['name']} was successful"], "Succeeded", "successful")


def failed(world: World, operation: Document) -> None:
    """End a run with the fault that was injected: its code `Timeout`, `Canceled` or `Error` is how the run ends."""
    run = world.store.get(operation["resource"])
    if run is None:
        return
    fault = operation["fault"] if isinstance(operation["fault"], dict) else {}
    status, complete = ENDS.get(str(fault.get("code", "")).lower(), ("Failed", "failed"))
    _end(world, run, ["Downloading source code...", str(fault.get("message", "failed to run step"))], status, complete)


def _source(world: World, run: Document, location: str) -> dict[str, bytes]:
    """The files of an uploaded archive by path; its links are left out."""
    container = blob_container(run["id"].rsplit("/", 2)[0])
    if world.blobs.get(container, location) is None:
        raise BuildFailed(f"failed to download context: there is nothing at '{location}'")
    try:
        with tarfile.open(world.blobs.content(container, location)) as archive:
            members = [member for member in archive if member.isfile()]
            return {posixpath.normpath(m.name): _content(archive, m) for m in members}
    except (tarfile.TarError, OSError, EOFError):
        raise BuildFailed("failed to download context: it is not a tar archive") from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _steps(world: World, files: dict[str, bytes], dockerfile: str) -> list[str]:
    """The lines of the log for each instruction; `BuildFailed` without Dockerfile or base image."""
    text = files.get(posixpath.normpath(dockerfile))
    if text is None:
        raise BuildFailed(f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: {dockerfile}")
    steps = _instructions(text.decode("utf-8", errors="replace"))
    if not steps or not any(step.upper().startswith("FROM ") for step in steps):
        raise BuildFailed("dockerfile parse error: the Dockerfile has no FROM")
    stages: set[str] = set()
    log = []
    for number, step in enumerate(steps, start=1):
        log.append(f"Step {number}/{len(steps)} : {step}")
        if match := FROM.fullmatch(step):
            if match["image"] not in stages and not is_there(world, match["image"]):
                raise BuildFailed(f"manifest for {match['image']} not found: manifest unknown")
            stages.add(match["stage"] or "")
    return log


def _instructions(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [line.strip() for line in "\n".join(lines).replace("\\\n", " ").splitlines()]


def _push(world: World, run: Document, request: Document, files: dict[str, bytes]) -> list[dict[str, Any]]:
    registry = world.store.get(run["id"].rsplit("/", 2)[0])
    if registry is None:
        raise BuildFailed("the registry was deleted")
    # Two builds of the same files give different images: times and base images differ.
    digest = hashlib.sha256(run["id"].encode())
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    server, names = registry["properties"]["loginServer"], request.get("imageNames", [])
    _, command = dockerfile_command(files[posixpath.normpath(request["dockerFilePath"])].decode(errors="replace"))
    return [record_image(world, server, name, f"sha256:{digest.hexdigest()}", command) for name in names]


def _end(world: World, run: Document, log: list[str], status: str, complete: str) -> None:
    write_log(world.blobs, run, "\r\n".join(log) + "\r\n", complete)
    error = {} if status == "Succeeded" else {"runErrorMessage": log[-1]}
    _change(world, run, status=status, finishTime=now(), **error)


def _change(world: World, run: Document, **properties: Any) -> None:
    run["properties"] |= {**properties, "lastUpdatedTime": now()}
    world.store.put(run["id"], run)
