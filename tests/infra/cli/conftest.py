"""The command line as a process of its own, and inside this one where that is enough."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import main

GATELIFT = [sys.executable, "-m", "infra.cli"]
ROOT = Path(__file__).resolve().parents[3]
OF_THE_DEVELOPER = ("HF_", "AZURE_", "IDENTITY_", "GATELIFT_", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True)
class Answer:
    """What a run of the command line left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        assert self.stdout, (self.code, self.stderr)
        return json.loads(self.stdout)


def clean_environ(folder: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_DEVELOPER)}
    own = {"GATELIFT_EMULATOR_STATE": str(folder / "state"), "PYTHONPATH": str(ROOT), "COLUMNS": "110"}
    return inherited | own | more


@contextlib.contextmanager
def environment(wanted: dict[str, str]) -> Iterator[None]:
    """The process's environment for a while; `--local` writes to it."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def spawn(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the real command in an empty folder, with an environment that holds nothing of the developer's."""

    def start(*arguments: str, environ: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [*GATELIFT, *arguments], cwd=tmp_path, env=clean_environ(tmp_path, **(environ or {})), text=True, **streams
        )

    return start


@pytest.fixture
def gatelift(spawn: Callable[..., subprocess.Popen[str]]) -> Callable[..., Answer]:
    """Runs the real command to its end."""

    def run(*arguments: str, stdin: str | None = None, environ: dict[str, str] | None = None, **options: Any) -> Answer:
        if stdin is not None:
            options["stdin"] = subprocess.PIPE
        process = spawn(*arguments, environ=environ, **options)
        stdout, stderr = process.communicate(stdin, timeout=60)
        return Answer(process.returncode, stdout or "", stderr or "")

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs the command inside this process: quick, for everything that needs no process of its own."""
    for name in [name for name in os.environ if name.startswith(OF_THE_DEVELOPER)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATELIFT_EMULATOR_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Answer:
        code = main(arguments)
        stdout, stderr = capsys.readouterr()
        return Answer(code, stdout, stderr)

    return run
