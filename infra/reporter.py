"""How operations report their progress: phases that start, finish and fail."""

from typing import Protocol

Phase = tuple[str, str, float, str]
"""A phase that has ended: kind, name, seconds, detail."""


class Reporter(Protocol):
    """Receives progress reports; may be called from several threads."""

    def phase_started(self, kind: str, name: str) -> None:
        """Work on `name` has started; `kind` is a kind of resource, or a part such as `deployment: weights`."""

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """The phase is finished; `detail` says what was done, e.g. `created`."""

    def note(self, text: str) -> None:
        """One line of information that does not belong to a phase."""

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """So many bytes of a phase are done; called often."""

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """The phase failed; the error itself is raised."""


class Silent:
    """A reporter that ignores everything."""

    def phase_started(self, kind: str, name: str) -> None:
        """Ignore it."""

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """Ignore it."""

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Ignore it."""


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

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """Pass it on."""
        self._reporter.progress(kind, name, done, total)

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Pass it on."""
        self._reporter.failed(kind, name, seconds, message)
