"""What a starting deployment is doing, read from its container's log: image, weights, engine, first token."""

import re
from collections import Counter
from types import TracebackType

from infra.azure.cloud import Cloud
from infra.errors import GateliftError, OperationFailed

FINISHED = re.compile(r"\[startup\] (?P<phase>imports|weights|engine|first token) (?P<seconds>[\d.]+) s")
PHASES = ("image", "imports", "weights", "engine", "first token")
EVERY = 1.0
LAST_LINES = 15


class StartupWatch:
    """Tells the reporter each phase as the log shows it; `tick` may be called as often as one likes."""

    def __init__(self, cloud: Cloud, endpoint: str, deployment: str, *, new: bool = False) -> None:
        self._cloud = cloud
        self._id = cloud.workspace.deployment(endpoint, deployment)
        self._deployment = deployment
        self._new = new
        self._told: set[str] = set()
        self._earlier: dict[str, int] = {}
        self._began = cloud.clock.now()
        self._asked = self._began

    def __enter__(self) -> "StartupWatch":
        if not self._new:
            self._earlier = counted(read_log(self._cloud, self._id, tail=1000))  # of containers that are replaced
        self._cloud.reporter.phase_started("deployment: image", self._deployment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._told != set(PHASES):
            self._read()
        elif isinstance(error, OperationFailed) and not error.log:
            error.log = self.last_lines()

    def tick(self) -> None:
        """Read the log, at most once a second."""
        if self._cloud.clock.now() - self._asked >= EVERY:
            self._read()

    def last_lines(self) -> tuple[str, ...]:
        """The end of the container's log, which says why it failed."""
        lines = [line for line in read_log(self._cloud, self._id, tail=200).splitlines() if line.strip()]
        return tuple(lines[-LAST_LINES:])

    def _read(self) -> None:
        self._asked = self._cloud.clock.now()
        text = read_log(self._cloud, self._id, tail=1000)
        if not text.strip():
            return
        seen = counted(text)
        new = {phase for phase, count in seen.items() if count > self._earlier.get(phase, 0)}
        finished = {m["phase"]: float(m["seconds"]) for m in FINISHED.finditer(text) if m["phase"] in new}
        if finished:
            # The container's own first phase began when it did: what came before is node and image.
            self._finish("image", max(self._asked - self._began - sum(finished.values()), 0.0))
        for phase in PHASES[1:]:
            if phase in finished:
                self._finish(phase, finished[phase])

    def _finish(self, phase: str, seconds: float) -> None:
        if phase in self._told:
            return
        self._told.add(phase)
        self._cloud.reporter.phase_finished(f"deployment: {phase}", self._deployment, seconds, "")
        following = PHASES[PHASES.index(phase) + 1 : PHASES.index(phase) + 2]
        for name in following:
            if name not in self._told:
                self._cloud.reporter.phase_started(f"deployment: {name}", self._deployment)


def counted(text: str) -> dict[str, int]:
    """How often each phase has ended in this log."""
    return dict(Counter(match["phase"] for match in FINISHED.finditer(text)))


def read_log(cloud: Cloud, deployment_id: str, *, tail: int, container: str = "InferenceServer") -> str:
    """The last lines of a container; empty while there is none."""
    try:
        found = cloud.management.post(f"{deployment_id}/getLogs", {"containerType": container, "tail": tail})
    except GateliftError:
        return ""
    return str(found.get("content") or "")
