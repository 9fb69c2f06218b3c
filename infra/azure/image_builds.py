"""Builds images in the workspace's container registry with ACR Tasks, as `az acr build` does, over Resource Manager.

https://github.com/Azure/azure-rest-api-specs containerregistry 2019-04-01: listBuildSourceUploadUrl, scheduleRun, runs.
"""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from infra.azure.arm import failure
from infra.azure.cloud import Cloud
from infra.azure.diagnosis.errors import diagnosis
from infra.errors import GateliftError, NotReady, Refused, still_running

API, REGISTRY_API = "2019-04-01", "2023-07-01"
FAILED = "ImageBuildFailure"
UNDER_WAY = ("Queued", "Started", "Running")
BUILD_SECONDS = 7200  # the limit that the registry sets to a build; its own default is 3600, its maximum 28800
PATIENCE = 600.0  # seconds longer than that
PAUSE, PAUSE_LOCAL = 3.0, 0.05
NETWORK_SECONDS, NETWORK_SECONDS_LOCAL = 300.0, 5.0  # a lost network may take so long to come back while a build runs
LOG_FAILURES = 3  # after so many the log is given up: the build goes on without it
LAST_LINES = 15
# A line for each state of each layer says nothing to people.
LAYER = re.compile(r"[0-9a-f]{12}: ")
ACTIONS = tuple(
    f"Microsoft.ContainerRegistry/registries/{action}"
    for action in ("listBuildSourceUploadUrl/action", "scheduleRun/action", "runs/read", "runs/listLogSasUrl/action")
)


class Build(Struct, frozen=True):
    """What to build: the image's name and tag, and the files of the build context."""

    name: str
    tag: str
    files: Mapping[str, str]


def workspace_registry(cloud: Cloud) -> str:
    """The resource id of the workspace's container registry; empty where it has none."""
    document = cloud.management.get(cloud.workspace.id) or {}
    return str(document.get("properties", {}).get("containerRegistry") or "")


def require_registry(cloud: Cloud) -> str:
    """The resource id of the workspace's container registry; raises `Refused` where it has none."""
    if registry := workspace_registry(cloud):
        return registry
    raise Refused(
        f"the workspace {cloud.workspace.name} has no container registry in which to build the image",
        hint="give it one: `az ml workspace update --name WORKSPACE --resource-group GROUP --container-registry ID`; "
        "or name a ready image in environment.image",
        code="no_container_registry",
    )


def find_image(cloud: Cloud, registry: str, name: str, tag: str) -> str:
    """The image that an earlier build has pushed, as `SERVER/NAME@sha256:…`; empty where there is none."""
    query = {"$filter": "status eq 'Succeeded'"}
    for run in cloud.management.list(f"{registry}/runs", api_version=API, query=query):
        if found := _pushed(run, name, tag):
            return found
    return ""


def build_image(cloud: Cloud, registry: str, build: Build, tell: Callable[[str], None]) -> str:
    """Build an image and wait for it, with the lines of its log to `tell`; returns it as `SERVER/NAME@sha256:…`.

    Raises `OperationFailed` with the last lines of the log where the build fails.
    """
    place = cloud.management.post(f"{registry}/listBuildSourceUploadUrl", api_version=API)
    cloud.assets.put_blob(place["uploadUrl"], packed(build.files))
    request = {
        "type": "DockerBuildRequest",
        "imageNames": [f"{build.name}:{build.tag}"],
        "isPushEnabled": True,
        "isArchiveEnabled": True,  # else the registry forgets after 30 days that the image is there
        "sourceLocation": place["relativePath"],
        "dockerFilePath": "Dockerfile",
        "platform": {"os": "Linux", "architecture": "amd64"},
        "timeout": BUILD_SECONDS,
    }
    run = cloud.management.post(f"{registry}/scheduleRun", request, api_version=API)
    run_id = str((run.get("properties") or {}).get("runId") or run.get("name") or "")
    if not run_id:
        raise GateliftError("the registry accepted the build, but did not say as which run", hint="run it again")
    watch = _Watch(cloud, f"{registry}/runs/{run_id}", tell)
    run = watch.until_ended()
    status = run["properties"]["status"]
    if status == "Succeeded" and (image := _pushed(run, build.name, build.tag)):
        return image
    raise _failed(build, registry, run, watch.lines)


def packed(files: Mapping[str, str]) -> bytes:
    """The files as a compressed tar archive."""
    import tarfile  # 4 ms, which no plan should pay

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


class _Watch:
    """Follows one run: its state, and its log, of which only what is new is read."""

    def __init__(self, cloud: Cloud, id: str, tell: Callable[[str], None]) -> None:
        self._cloud, self._id, self._tell = cloud, id, tell
        self._link, self._read, self._rest = "", 0, b""
        self._failures = 0
        self.lines: list[str] = []

    def until_ended(self) -> dict[str, Any]:
        """Wait until the run has ended; returns its document."""
        clock = self._cloud.clock
        deadline = clock.now() + BUILD_SECONDS + PATIENCE
        lost_since: float | None = None
        while clock.now() < deadline:
            try:
                run = self._cloud.management.get(self._id, api_version=API) or {}
                ended = run.get("properties", {}).get("status") not in UNDER_WAY
                self._follow_log(whole=ended)
                if ended:
                    return run
                lost_since = None
            except NotReady:
                lost_since = clock.now() if lost_since is None else lost_since
                if clock.now() - lost_since > (NETWORK_SECONDS_LOCAL if self._cloud.local else NETWORK_SECONDS):
                    raise
            clock.sleep(PAUSE_LOCAL if self._cloud.local else PAUSE)
        raise still_running(f"the build {self._id.rpartition('/')[2]}", BUILD_SECONDS + PATIENCE)

    def _follow_log(self, *, whole: bool) -> None:
        if self._failures < LOG_FAILURES:
            try:
                self._read_log(whole=whole)
            except GateliftError:
                self._failures += 1

    def _read_log(self, *, whole: bool) -> None:
        if not self._link:
            answer = self._cloud.management.post(f"{self._id}/listLogSasUrl", api_version=API)
            self._link = str(answer.get("logLink") or "")
        new = self._cloud.assets.read_blob(self._link, self._read) if self._link else b""
        self._read += len(new)
        *complete, self._rest = (self._rest + new).split(b"\n")
        if whole:
            complete, self._rest = [*complete, self._rest], b""
        for line in (part.decode("utf-8", errors="replace").rstrip() for part in complete):
            if line and not LAYER.match(line):
                self.lines.append(line)
                self._tell(line)


def _pushed(run: Mapping[str, Any], name: str, tag: str) -> str:
    for image in run.get("properties", {}).get("outputImages") or []:
        if (image.get("repository"), image.get("tag")) == (name, tag) and image.get("digest"):
            return f"{image['registry']}/{name}@{image['digest']}"
    return ""


def _failed(build: Build, registry: str, run: Mapping[str, Any], lines: list[str]) -> GateliftError:
    properties = run.get("properties", {})
    status = str(properties.get("status") or "unknown")
    why = str(properties.get("runErrorMessage") or (lines[-1] if lines else "it left no log"))
    ended = "timed out" if status == "Timeout" else f"ended as {status}"
    image, where = f"{build.name}:{build.tag}", registry.rpartition("/")[2]
    message = f"the build {properties.get('runId', '')} of {image} in {where} {ended}: {why}"
    error = failure({"error": {"code": FAILED, "message": message}})
    if found := diagnosis(FAILED, "\n".join([message, *lines])):
        error.cause, error.hint = found.cause, found.hint
    error.log = tuple(lines[-LAST_LINES:])
    return error
