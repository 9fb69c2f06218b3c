"""`logs`: reads or follows the log of a deployment's container."""

from collections.abc import Iterator

from infra.azure.target import Target
from infra.errors import NotFound
from infra.planning.serving import serving
from infra.resources.scaling.parked import parked_error
from infra.resources.startup_watch import read_log
from infra.spec.model import StackSpec

CONTAINERS = {"inference-server": "InferenceServer", "storage-initializer": "StorageInitializer"}
FOLLOW_EVERY = 1.0  # seconds
FOLLOW_TAIL = 2000  # lines
OVERLAP = 20  # lines of the previous read that are looked for in the next one


def logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> tuple[str, list[str]]:
    """The name of the deployment, and the last `tail` lines of its container (a key of `CONTAINERS`).

    Raises `NotFound` where the endpoint or the deployment does not exist.
    """
    id = _deployment_id(spec, target)
    text = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container])
    return id.rpartition("/")[2], text.splitlines()


def follow_logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> Iterator[str]:
    """Yield the last `tail` lines of the container's log, then every new line, without end."""
    id = _deployment_id(spec, target)
    seen = read_log(target.cloud, id, tail=tail, container=CONTAINERS[container]).splitlines()
    yield from seen
    while True:
        target.clock.sleep(FOLLOW_EVERY)
        lines = read_log(target.cloud, id, tail=FOLLOW_TAIL, container=CONTAINERS[container]).splitlines()
        yield from new_lines(seen, lines)
        seen = lines


def new_lines(seen: list[str], lines: list[str]) -> list[str]:
    """The lines of a second read (`lines`) that come after those of the first (`seen`), which may overlap it."""
    if not seen:
        return lines
    end = seen[-min(len(seen), OVERLAP) :]
    for start in range(len(lines) - len(end), -1, -1):
        if lines[start : start + len(end)] == end:
            return lines[start + len(end) :]
    return lines


def _deployment_id(spec: StackSpec, target: Target) -> str:
    endpoint, found = spec.endpoint.name.lower(), serving(target.cloud, spec)
    tried = found.canary.new if found.canary else ""  # by a rollout in steps: under way, or moved back
    name = next((name for name in (tried, found.name) if name in found.deployments), found.busiest)
    if name not in found.deployments and found.parked:
        raise parked_error(spec.name, found.parked)
    if name not in found.deployments:
        hint = "create it with `gatelift up`"
        raise NotFound(f"the endpoint {endpoint} has no deployment {name}", hint=hint, code="deployment_not_found")
    return target.cloud.workspace.deployment(endpoint, name)
