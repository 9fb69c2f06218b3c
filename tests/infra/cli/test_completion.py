"""Completion: what the shells are given, and what they are told when somebody presses the tab key."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = {
    "bash": (".bash_completions/gatelift.sh", ".bashrc"),
    "zsh": (".zfunc/_gatelift", ".zshrc"),
    "fish": (".config/fish/completions/gatelift.fish", ""),
}


@pytest.mark.parametrize(("shell", "file", "startup"), [(shell, *places) for shell, places in SCRIPTS.items()])
def test_what_is_installed_is_what_is_shown(
    inside: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, file: str, startup: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if startup:
        (tmp_path / startup).write_text("# mine")
    for _ in range(2):
        assert inside("--install-completion", shell).code == 0
    assert (tmp_path / file).read_text() == inside("--show-completion", shell).stdout.removesuffix("\n")
    if startup:
        first, line = (tmp_path / startup).read_text().splitlines()
        assert first == "# mine"
        assert file.split("/")[0] in line


def test_the_shell_is_the_login_shell_if_none_is_named(inside: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert inside("--show-completion").stdout == inside("--show-completion", "fish").stdout
    monkeypatch.delenv("SHELL")
    assert inside("--show-completion").code == 2


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


def test_bash_takes_the_script(inside: Callable) -> None:
    script = inside("--show-completion", "bash").stdout
    shown = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p gatelift"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip().endswith("gatelift")
