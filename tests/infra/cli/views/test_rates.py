"""How far a transfer is, in words."""

import io

import pytest

from infra.cli.terminal.output import Output, OutputFormat
from infra.cli.views.progress import LINE_EVERY_S, LineProgress, LiveProgress
from infra.cli.views.rates import Transfer, duration_text, size_text


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_rate_and_time_left(clock: Clock) -> None:
    transfer = Transfer(clock)
    transfer.moved(0, 10_000_000_000)
    clock.now = 10.0
    transfer.moved(1_000_000_000, 10_000_000_000)
    assert transfer.text() == "10 % of 10.0 GB, 100.0 MB/s, 90 s left"
    assert transfer.bar() == "━━" + "─" * 18
    transfer.moved(900_000_000, 10_000_000_000)  # said late by another thread
    assert transfer.text().startswith("10 % ")


def test_no_rate_before_there_is_one(clock: Clock) -> None:
    transfer = Transfer(clock)
    transfer.moved(2, 1_000_000_000)  # a small file came first
    clock.now = 1.5
    transfer.moved(4, 1_000_000_000)
    assert transfer.text() == "0 % of 1.0 GB"


def test_what_was_there_counts_as_done_but_not_for_the_rate(clock: Clock) -> None:
    transfer = Transfer(clock)
    transfer.moved(9_000_000_000, 10_000_000_000)
    assert transfer.text() == "90 % of 10.0 GB"
    clock.now = 5.0
    transfer.moved(9_500_000_000, 10_000_000_000)
    assert transfer.text() == "95 % of 10.0 GB, 100.0 MB/s, 5 s left"


def test_the_rate_is_that_of_the_last_seconds(clock: Clock) -> None:
    transfer = Transfer(clock)
    for second in range(100):
        clock.now = float(second)
        transfer.moved(min(second, 50) * 1_000_000, 100_000_000)
    assert transfer.text() == "50 % of 100.0 MB"


def test_a_finished_or_empty_transfer(clock: Clock) -> None:
    transfer = Transfer(clock)
    transfer.moved(0, 0)
    assert (transfer.text(), transfer.bar()) == ("100 % of 0 B", "━" * 20)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (12_300, "12 kB"), (999_600, "1.0 MB"), (15e9, "15.0 GB"), (4.2e15, "4200.0 TB")],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (67, "67 s"), (300, "5 min"), (4800, "1 h 20 min"), (7200, "2 h 0 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_log_gets_a_line_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = LineProgress(Output(OutputFormat.TEXT), clock)
    for second in range(int(2.5 * LINE_EVERY_S)):
        clock.now = float(second)
        lines.progress("weights", "m:1", second * 1_000_000, 100_000_000)
    found = [line.split(maxsplit=2) for line in capsys.readouterr().err.splitlines()]
    assert found == [
        ["weights", "m:1", "10 % of 100.0 MB, 1.0 MB/s, 90 s left"],
        ["weights", "m:1", "20 % of 100.0 MB, 1.0 MB/s, 80 s left"],
    ]


def test_a_terminal_gets_a_bar_until_the_phase_ends(clock: Clock) -> None:
    from rich.console import Console

    def drawn() -> str:
        console = Console(width=160, record=True, file=io.StringIO())
        console.print(live._table())
        return console.export_text()

    live = LiveProgress(Output(OutputFormat.TEXT), clock)
    live.progress("weights", "m:1", 0, 100_000_000)
    clock.now = 10.0
    live.progress("weights", "m:1", 50_000_000, 100_000_000)
    assert "━" * 10 + "─" * 10 + " 50 % of 100.0 MB, 5.0 MB/s, 10 s left" in drawn()
    live.phase_finished("weights", "m:1", 20.0, "created")
    live.close()
    assert "created" in drawn()
    assert "50 %" not in drawn()
