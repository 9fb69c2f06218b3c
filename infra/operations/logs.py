"""`logs`: the log of a deployment's container, once or as it grows."""

from collections.abc import Iterator

from infra.azure.target import Target
from infra.errors import NotFound
from infra.planning.serving import serving
from infra.resources.startup_watch import read_log
from infra.spec.model import StackSpec

CONTAINERS = {"inference-server": "InferenceServer", "storage-initializer": "StorageInitializer"}
FOLLOW_EVERY = 1.0  # seconds
FOLLOW_TAIL = 2000  # lines
OVERLAP = 20  # lines by which two looks are fitted together


def logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> tuple[str, list[str]]:
    """The deployment that is meant and the last `tail` lines of its container, one of `CONTAINERS`."""
    id = _deployment_id(spec, target)
    text = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container])
    return id.rpartition("/")[2], text.splitlines()


def follow_logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> Iterator[str]:
    """Lines of the container's log as they come, without end."""
    id = _deployment_id(spec, target)
    seen = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container]).splitlines()
    yield from seen
    while True:
        target.clock.sleep(FOLLOW_EVERY)
        lines = read_log(target.cloud, id, tail=FOLLOW_TAIL, container=CONTAINERS[container]).splitlines()
        yield from new_lines(seen, lines)
        seen = lines


def new_lines(seen: list[str], lines: list[str]) -> list[str]:
    """What the second look shows beyond the first; the beginning of the window may have moved on, too."""
    if not seen:
        return lines
    end = seen[-min(len(seen), OVERLAP) :]
    for start in range(len(lines) - len(end), -1, -1):
        if lines[start : start + len(end)] == end:
            return lines[start + len(end) :]
    return lines


def _deployment_id(spec: StackSpec, target: Target) -> str:
    endpoint, found = spec.endpoint.name.lower(), serving(target.cloud, spec)
    name = found.name if found.name in found.lives else found.busiest
    if name not in found.lives:
        hint = "`gatelift up` makes it"
        raise NotFound(f"the endpoint {endpoint} has no deployment {name}", hint=hint, code="deployment_not_found")
    return target.cloud.workspace.deployment(endpoint, name)
