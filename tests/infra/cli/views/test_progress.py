"""Progress: a line for each phase in a log, a table that counts on a terminal."""

import os
import pty
import subprocess
import sys

import pytest

from infra.cli.terminal.output import Output, OutputFormat
from infra.cli.views.progress import LineProgress, phase_line, progress

PHASES = """
from infra.cli.terminal.output import Output, OutputFormat
from infra.cli.views.progress import progress
from infra.errors import GateliftError
try:
    with progress(Output(OutputFormat.TEXT)) as reporter:
        reporter.phase_started("connection", "HuggingFaceTokenConnection")
        reporter.phase_finished("connection", "HuggingFaceTokenConnection", 0.25, "created")
        reporter.note("one thing worth a line [not markup]")
        reporter.phase_started("deployment", "blue")
        reporter.failed("deployment", "blue", 3.0, "ResourceNotReady")
        raise GateliftError("over")
except GateliftError:
    pass
"""


def test_a_log_gets_a_line_for_each_phase_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(Output(OutputFormat.TEXT)) as reporter:
        reporter.phase_started("connection", "c")
        assert capsys.readouterr().err == ""
        reporter.phase_finished("connection", "c", 1.25, "created")
        reporter.note("noted")
        reporter.failed("deployment", "blue", 2.0, "why")
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert [line.split() for line in stderr.splitlines()] == [
        ["connection", "c", "1.2", "s", "created"],
        ["noted"],
        ["deployment", "blue", "2.0", "s", "failed"],
    ]


def test_a_pipe_gets_lines_even_in_json_mode(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(Output(OutputFormat.JSON)) as reporter:
        assert isinstance(reporter, LineProgress)
        reporter.phase_finished("code", "scoring", 0.1)
    stdout, stderr = capsys.readouterr()
    assert (stdout, stderr.split()) == ("", ["code", "scoring", "0.1", "s"])


def test_a_terminal_gets_a_table_that_is_left_whole_when_it_fails() -> None:
    screen, terminal = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", PHASES], stderr=terminal, stdout=subprocess.PIPE, env=environ)
    os.close(terminal)
    seen = b""
    while chunk := read(screen):
        seen += chunk
    assert process.communicate()[0] == b""
    assert process.returncode == 0
    last = seen.decode().replace("\r", "").rsplit("HuggingFaceTokenConnection", 1)[1]
    assert "0.2 s" in last
    assert "created" in last
    assert "3.0 s" in last
    assert "failed" in last
    assert "[not markup]" in seen.decode()
    os.close(screen)


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end of a pseudo-terminal closed
        return b""


@pytest.mark.parametrize("name", ["blue", "huggingfacetb-smollm2-135m-instruct:0123456789ab", "n" * 200])
def test_the_seconds_stand_in_one_column(name: str) -> None:
    short, long = phase_line("code", "x", 0.1, ""), phase_line("deployment: first token", name, 1234.5, "")
    assert len(short) == len(long)
    assert (short[-6:], long[-8:]) == (" 0.1 s", "1234.5 s")
