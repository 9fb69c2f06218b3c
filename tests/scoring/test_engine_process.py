"""The fork server that imports the engine's side, tried with small modules in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

FORK = """
import os, subprocess
from scoring import engine_process

assert engine_process.preload({settings}, on_cpu={on_cpu}, modules=["colorsys"]) is {started}
os.environ["SET_LATER"] = "seen"
del os.environ["SET_BEFORE"]
if {started}:
    process = engine_process.ForkedContext().Process(
        target=exec,
        args=("import os, sys; print(*map(os.environ.get, ['SET_LATER', 'SET_BEFORE']), 'colorsys' in sys.modules)",),
    )
    process.start()
    process.join(30)
    assert process.exitcode == 0, process.exitcode
    assert len(engine_process.fork_server()) == 1
else:
    assert engine_process.fork_server() == []
"""


def run(repository: Path, settings: dict[str, str], *, on_cpu: bool, started: bool) -> str:
    code = FORK.format(settings=settings, on_cpu=on_cpu, started=started)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env={"SET_BEFORE": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_forked_process_has_todays_environment_and_the_imports(repository: Path) -> None:
    assert run(repository, {"SCORING_PRELOAD": "1"}, on_cpu=True, started=True) == "seen None True\n"


@pytest.mark.parametrize(
    ("settings", "on_cpu", "started"),
    [
        pytest.param({"SCORING_PRELOAD": "0"}, True, False, id="switched-off"),
        pytest.param({}, True, False, id="off-by-default"),
        pytest.param({"SCORING_PRELOAD": "1"}, False, True, id="asked-for-on-a-gpu"),
    ],
)
def test_when_it_is_started(repository: Path, settings: dict[str, str], on_cpu: bool, started: bool) -> None:
    run(repository, settings, on_cpu=on_cpu, started=started)
