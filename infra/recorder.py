"""A reporter that passes everything on and keeps the phases for the result."""

from infra.reporter import Reporter

Phase = tuple[str, str, float, str]


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
