"""Completion: the line that a shell needs, the script that it loads, and what the tab key offers."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.completion import LINES


@pytest.mark.parametrize("shell", LINES)
def test_the_line_goes_to_stdout_and_its_place_to_stderr(
    inside: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = inside("--show-completion", shell)
    line, file = LINES[shell]
    assert (answer.code, answer.stdout) == (0, f"{line}\n")
    assert f"add this line to {file}" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", LINES)
def test_the_line_names_a_script_that_click_has(gatelift: Callable, shell: str) -> None:
    line, _ = LINES[shell]
    assert f"_GATELIFT_COMPLETE={shell}_source gatelift" in line
    script = gatelift(environ={"_GATELIFT_COMPLETE": f"{shell}_source"})
    assert script.code == 0
    assert f"_GATELIFT_COMPLETE={shell}_complete" in script.stdout


def test_bash_takes_the_script(gatelift: Callable) -> None:
    script = gatelift(environ={"_GATELIFT_COMPLETE": "bash_source"}).stdout
    shown = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p gatelift"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip().endswith("gatelift")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param("gatelift pl", "plain,plan", id="command"),
        pytest.param("gatelift token ver", "plain,verify", id="subcommand"),
        pytest.param("gatelift plan --detailed", "plain,--detailed-exitcode", id="option"),
        pytest.param("gatelift logs --container stor", "plain,storage-initializer", id="choice"),
        pytest.param("gatelift up spec", "file,spec", id="file"),
    ],
)
def test_the_tab_key(gatelift: Callable, words: str, offered: str) -> None:
    last = str(len(words.split()) - 1)
    answer = gatelift(environ={"_GATELIFT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": last})
    assert (answer.code, answer.stdout.strip()) == (0, offered)
