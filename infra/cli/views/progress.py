"""Shows the progress of a run: a live table on a terminal, one line per phase everywhere else."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from infra.cli.terminal.output import Output
from infra.cli.views.rates import Transfer
from infra.reporter import Reporter

KIND_WIDTH = len("deployment: first token")
LINE_EVERY_S = 10.0  # a transfer gets a line in a log at most so often
NAME_WIDTH = 48  # fits a catalog entry with its version; other names are shorter

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table


@contextmanager
def progress(out: Output, expected: Callable[[str], str] = lambda kind: "") -> Iterator[Reporter]:
    """A reporter that shows progress on stderr until the block ends.

    `expected` returns an estimate for a kind of phase; it is shown while the phase runs.
    """
    if not sys.stderr.isatty():
        yield LineProgress(out)
        return
    live = LiveProgress(out, expected=expected)
    try:
        yield live
    finally:
        live.close()


class LineProgress:
    """Prints one line for each finished phase, `phase  name  seconds`; for CI logs and pipes."""

    def __init__(self, out: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self.out = out
        self.clock = clock
        self._transfers: dict[tuple[str, str], Transfer] = {}
        self._next_line: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def phase_started(self, kind: str, name: str) -> None:
        """Print nothing: the line is printed when the phase ends."""

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """Print how far the transfer is, now and then."""
        phase, now = (kind, name), self.clock()
        with self._lock:
            transfer = self._transfers.setdefault(phase, Transfer(self.clock))
            transfer.moved(done, total)
            due = now >= self._next_line.setdefault(phase, now + LINE_EVERY_S)
            if due:
                self._next_line[phase] = now + LINE_EVERY_S
        if due:
            self.out.message(f"{kind:<{KIND_WIDTH}}  {fitted(name):<{NAME_WIDTH}}  {transfer.text()}")

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Print the phase's line."""
        self.out.message(phase_line(kind, name, seconds, detail))

    def note(self, text: str) -> None:
        """Print the note."""
        self.out.message(text)

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Print the phase's line with the word `failed`."""
        self.out.message(phase_line(kind, name, seconds, "failed"))


def phase_line(kind: str, name: str, seconds: float, detail: str) -> str:
    """A phase in one line, in columns."""
    return f"{kind:<{KIND_WIDTH}}  {fitted(name):<{NAME_WIDTH}}  {seconds:7.1f} s  {detail}".rstrip()


def fitted(name: str) -> str:
    """The name, shortened in the middle if it is too long for its column."""
    half = NAME_WIDTH // 2
    return name if len(name) <= NAME_WIDTH else f"{name[: half - 1]}…{name[-half:]}"


@dataclass
class Row:
    """One phase in the live table; `seconds` is None while it runs."""

    kind: str
    name: str
    started: float
    seconds: float | None = None
    detail: str = ""
    failed: bool = False
    transfer: Transfer | None = None


COLUMNS: tuple[Literal["left", "right"], ...] = ("left", "left", "left", "right", "right", "left")
HEADER = ("", "PHASE", "NAME", "ELAPSED", "ESTIMATE", "")


class LiveProgress:
    """A table with running clocks, drawn with rich on stderr."""

    def __init__(
        self,
        out: Output,
        clock: Callable[[], float] = time.monotonic,
        expected: Callable[[str], str] = lambda kind: "",
    ) -> None:
        self.out = out
        self.clock = clock
        self.expected = expected
        self.rows: dict[tuple[str, str], Row] = {}
        self.live: Live | None = None

    def phase_started(self, kind: str, name: str) -> None:
        """Add the phase to the table; the first phase makes it appear."""
        self.rows[kind, name] = Row(kind, name, self.clock())
        self._show()

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """Show a bar in the phase's row."""
        row = self.rows.setdefault((kind, name), Row(kind, name, self.clock()))
        row.transfer = row.transfer or Transfer(self.clock)
        row.transfer.moved(done, total)

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Stop the phase's clock."""
        self._end(kind, name, seconds, detail, failed=False)

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Mark the phase as failed; the message is printed with the error."""
        self._end(kind, name, seconds, "failed", failed=True)

    def note(self, text: str) -> None:
        """Print the note above the table."""
        if self.live:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self.out.message(text)

    def close(self) -> None:
        """Stop drawing; the table stays on the screen as it is."""
        if self.live:
            self.live.stop()
            self.live = None

    def _end(self, kind: str, name: str, seconds: float, detail: str, *, failed: bool) -> None:
        row = self.rows.setdefault((kind, name), Row(kind, name, self.clock() - seconds))
        row.seconds, row.detail, row.failed = seconds, detail, failed
        self._show()

    def _show(self) -> None:
        if self.live is None:
            # importing rich takes longer than the rest of the command, and only this table needs it
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, highlight=False)
            self.live = Live(get_renderable=self._table, console=console, refresh_per_second=8, transient=False)
            self.live.start()

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for justify in COLUMNS:
            table.add_column(justify=justify, no_wrap=True)
        table.add_row(*(Text(title, "bold") for title in HEADER))
        for row in list(self.rows.values()):
            symbol, style = ("✗", "red") if row.failed else ("✓", "green") if row.seconds is not None else ("…", "cyan")
            seconds = self.clock() - row.started if row.seconds is None else row.seconds
            table.add_row(
                Text(symbol, style),
                row.kind,
                Text(row.name),
                Text(f"{seconds:.1f} s"),
                Text(self.expected(row.kind) if row.seconds is None else "", "dim"),
                Text(_detail(row)),
            )
        return table


def _detail(row: Row) -> str:
    """What was done; while bytes are on their way, how far they are."""
    if row.seconds is None and row.transfer:
        return f"{row.transfer.bar()} {row.transfer.text()}"
    return row.detail
