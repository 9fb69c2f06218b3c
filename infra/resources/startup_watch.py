"""Follows a starting deployment through its phases (image, imports, weights, engine, first token) in its log."""

import re
from collections import Counter
from types import TracebackType

from infra.azure.cloud import Cloud
from infra.azure.diagnosis.errors import container_cause
from infra.errors import GateliftError, OperationFailed

FINISHED = re.compile(r"\[startup\] (?P<phase>imports|weights|engine|first token) (?P<seconds>[\d.]+) s")
PHASES = ("image", "imports", "weights", "engine", "first token")
EVERY = 1.0  # seconds between two reads of the log
LAST_LINES = 15
# Liveness answers as soon as the process listens, so the delay only has to cover imports from a cold disk. Ten minutes
# without an answer later mean that the process hangs, and Azure restarts the container.
LIVENESS = {"initial_delay": 30, "period": 10, "timeout": 10, "success_threshold": 1, "failure_threshold": 60}
# Readiness answers 200 after a first real token. Azure gives a deployment up after period times failure_threshold: here
# an hour, since its default of 310 s is too short even to download a large model. The period is short so that the
# endpoint serves soon after the first token. A container that stops being ready would get requests for an hour more,
# but in practice the scoring process ends when its engine does.
READINESS = {"initial_delay": 5, "period": 5, "timeout": 5, "success_threshold": 1, "failure_threshold": 720}


class StartupWatch:
    """Reports each phase when it appears in the log; used as a context manager, with `tick` called while waiting.

    With `new` false, phases of earlier containers are ignored. An `OperationFailed` that leaves the block gets the last
    lines of the log.
    """

    def __init__(self, cloud: Cloud, endpoint: str, deployment: str, *, new: bool = False) -> None:
        self._cloud = cloud
        self._id = cloud.workspace.deployment(endpoint, deployment)
        self._deployment = deployment
        self._new = new
        self._reported: set[str] = set()
        self._earlier: dict[str, int] = {}
        self._began = cloud.clock.now()
        self._last_read = self._began

    def __enter__(self) -> "StartupWatch":
        if not self._new:
            self._earlier = count_phases(startup_log(self._cloud, self._id))  # of the containers that will be replaced
        self._cloud.reporter.phase_started("deployment: image", self._deployment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._reported != set(PHASES):
            self._read()
        elif isinstance(error, OperationFailed) and not error.log:
            error.log = self.last_lines()
            if found := container_cause("\n".join([str(error), *error.log])):
                error.cause, error.hint = found.cause, found.hint

    def tick(self) -> None:
        """Read the log and report new phases, at most once a second; may be called at any rate."""
        if self._cloud.clock.now() - self._last_read >= EVERY:
            self._read()

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of the container's log, which usually say why it failed."""
        lines = [line for line in startup_log(self._cloud, self._id, tail=200).splitlines() if line.strip()]
        return tuple(lines[-LAST_LINES:])

    def _read(self) -> None:
        self._last_read = self._cloud.clock.now()
        text = startup_log(self._cloud, self._id)
        if not text.strip():
            return
        seen = count_phases(text)
        new = {phase for phase, count in seen.items() if count > self._earlier.get(phase, 0)}
        finished = {m["phase"]: float(m["seconds"]) for m in FINISHED.finditer(text) if m["phase"] in new}
        if finished:
            # What came before the container's first phase was the VM and the image.
            self._finish("image", max(self._last_read - self._began - sum(finished.values()), 0.0))
        for phase in PHASES[1:]:
            if phase in finished:
                self._finish(phase, finished[phase])

    def _finish(self, phase: str, seconds: float) -> None:
        if phase in self._reported:
            return
        self._reported.add(phase)
        self._cloud.reporter.phase_finished(f"deployment: {phase}", self._deployment, seconds, "")
        following = PHASES[PHASES.index(phase) + 1 : PHASES.index(phase) + 2]
        for name in following:
            if name not in self._reported:
                self._cloud.reporter.phase_started(f"deployment: {name}", self._deployment)


def count_phases(text: str) -> dict[str, int]:
    """How many times each phase has finished in this log."""
    return dict(Counter(match["phase"] for match in FINISHED.finditer(text)))


def read_log(cloud: Cloud, deployment_id: str, *, tail: int, container: str = "InferenceServer") -> str:
    """The last `tail` lines of a container's log; raises `GateliftError` where it cannot be read."""
    answer = cloud.management.post(f"{deployment_id}/getLogs", {"containerType": container, "tail": tail})
    return str(answer.get("content") or "")


def startup_log(cloud: Cloud, deployment_id: str, *, tail: int = 1000) -> str:
    """The last lines of the scoring server's log; empty where it cannot be read, e.g. before there is a container."""
    try:
        return read_log(cloud, deployment_id, tail=tail)
    except GateliftError:
        return ""
