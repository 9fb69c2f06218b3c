"""Who may go on without being asked."""

import os
import pty
import subprocess
import sys

import pytest

from infra.cli.terminal.invocation import Invocation
from infra.errors import GateliftError

ASK = """
import sys
from infra.cli.terminal.invocation import Invocation
from infra.errors import GateliftError
try:
    Invocation(local="--local" in sys.argv).confirm("Apply this plan?", otherwise="nothing was changed")
    print("goes on")
except GateliftError as error:
    print(error.code)
"""


@pytest.mark.parametrize(
    ("flags", "answer"),
    [
        pytest.param([], "confirmation_needed", id="azure-needs-yes"),
        pytest.param(["--local"], "goes on", id="this-machine-costs-nothing"),
    ],
)
def test_without_a_terminal(flags: list[str], answer: str) -> None:
    command = [sys.executable, "-c", ASK, *flags]
    assert subprocess.check_output(command, stdin=subprocess.DEVNULL, text=True) == f"{answer}\n"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        pytest.param("y\n", "goes on", id="y"),
        pytest.param("YES\n", "goes on", id="yes-in-any-case"),
        pytest.param("\n", "declined", id="enter-means-no"),
        pytest.param("maybe\n", "declined", id="anything-else"),
        pytest.param("\x04", "declined", id="end-of-input"),
    ],
)
def test_on_a_terminal_it_asks_on_stderr(typed: str, answer: str) -> None:
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASK, "--local"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(person, typed.encode())
    stdout, stderr = process.communicate(timeout=30)
    os.close(person)
    os.close(terminal)
    assert (stdout, stderr) == (f"{answer}\n", "Apply this plan? [y/N] ")


def test_yes_is_an_answer_given_beforehand() -> None:
    Invocation(yes=True).confirm("Apply?", otherwise="no")


def test_the_refusal_says_which_flag() -> None:
    with pytest.raises(GateliftError) as refused:
        Invocation(local=False).confirm("Apply this plan?", otherwise="no")
    assert "--yes" in refused.value.hint
