"""What the engine tells while it works: phases that start, end and fail."""

from typing import Protocol

Phase = tuple[str, str, float, str]
"""A phase that has ended: kind, name, seconds, detail."""


class Reporter(Protocol):
    """Receives progress; calls may come from several threads."""

    def phase_started(self, kind: str, name: str) -> None:
        """Work on `name` has begun; `kind` is a resource's kind or a sub-phase such as `deployment: weights`."""

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """It is done; `detail` says what was done, e.g. `created`."""

    def note(self, text: str) -> None:
        """One line worth reading that is no phase."""

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """It ended badly; the error itself is raised."""


class Silent:
    """A reporter that says nothing."""

    def phase_started(self, kind: str, name: str) -> None:
        """Nothing."""

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Nothing."""


class Recorder:
    """Keeps `(kind, name, seconds, detail)` of each phase that ended."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.phases: list[Phase] = []

    def phase_started(self, kind: str, name: str) -> None:
        """Pass it on."""
        self._reporter.phase_started(kind, name)

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Keep it and pass it on."""
        self.phases.append((kind, name, seconds, detail))
        self._reporter.phase_finished(kind, name, seconds, detail)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._reporter.note(text)

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Pass it on."""
        self._reporter.failed(kind, name, seconds, message)
