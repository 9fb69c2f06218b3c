"""vllm-rs as a process: how it ends, what is said of that, and that it ends with the process that has started it."""

import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoring.engine.fronts.binary import RustBinary, find_binary
from scoring.engine.fronts.rust import RustFront, environment, last_words
from tests.scoring.processes import has_ended, wait_until

SLEEPS = "#!/bin/sh\nexec sleep 600\n"


class Listener:
    """A Unix socket with a file, as vLLM binds it for a front."""

    def __init__(self, path: Path) -> None:
        self.address = f"ipc://{path}"
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()

    def cleanup(self) -> None:
        self.socket.close()
        self.path.unlink(missing_ok=True)


class Listeners:
    """Those of two fronts, as vLLM has them: their files go with this object."""

    def __init__(self, folder: Path) -> None:
        self.inputs = [Listener(folder / "in"), Listener(folder / "in-1")]
        self.outputs = [Listener(folder / "out"), Listener(folder / "out-1")]

    def cleanup(self) -> None:
        for listener in (*self.inputs, *self.outputs):
            listener.cleanup()

    def __del__(self) -> None:
        self.cleanup()


def started(program: Path, folder: Path, **arguments: Any) -> RustFront:
    """A front whose program is this one."""
    front = RustFront(RustBinary(program, "0.32.0"), Listeners(folder))
    front.start({"model_tag": str(folder), **arguments})
    return front


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name that is short enough for a socket."""
    return tmp_path_factory.mktemp("f")


@pytest.fixture
def sleeping(folder: Path) -> Iterator[RustFront]:
    """A front that does nothing."""
    program = folder / "sleeps"
    program.write_text(SLEEPS)
    program.chmod(0o700)
    front = started(program, folder)
    yield front
    front.close()


def wait_for_end(front: RustFront) -> str:
    wait_until(lambda: not front.alive, 30)
    return front.why()


def test_only_this_user_reaches_its_socket(sleeping: RustFront) -> None:
    assert Path(sleeping.path).parent.stat().st_mode & 0o777 == 0o700


def test_it_is_ended_and_leaves_nothing(sleeping: RustFront, folder: Path) -> None:
    assert sleeping.alive
    sleeping.close()
    assert has_ended(sleeping.pid)
    assert not Path(sleeping.path).parent.exists()
    assert {path.name for path in folder.iterdir()} == {"sleeps"}


def test_an_engine_can_still_connect_to_every_front(sleeping: RustFront, folder: Path) -> None:
    """Its threads connect by these files one after the other, when the fronts may have heard of it already."""
    gc.collect()
    assert {path.name for path in folder.iterdir()} == {"sleeps", "in", "in-1", "out", "out-1"}


def test_what_has_killed_it_is_told(sleeping: RustFront) -> None:
    os.kill(sleeping.pid, signal.SIGTERM)
    assert wait_for_end(sleeping) == "ended by signal 15"


def test_an_early_exit_is_told(folder: Path) -> None:
    front = started(Path("/bin/false"), folder)
    assert wait_for_end(front) == "ended with 1"
    front.close()


def test_a_program_that_is_none_is_told(folder: Path) -> None:
    program = folder / "text"
    program.write_text("no program")
    program.chmod(0o700)
    front = started(program, folder)
    assert "Exec format error" in wait_for_end(front)
    front.close()


def test_a_path_that_is_too_long_for_a_socket_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = folder / ("x" * 120)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    front = started(Path("/bin/true"), folder)
    assert "path too long" in wait_for_end(front)
    front.close()
    assert not any(far.iterdir())


def test_a_refused_argument_is_named(folder: Path) -> None:
    binary = find_binary(os.environ)
    if not isinstance(binary, RustBinary):
        pytest.skip(binary.reason)
    front = started(binary.path, folder, middleware=["a.b"])
    assert "middleware" in wait_for_end(front)
    front.close()


def test_it_ends_with_the_process_that_has_started_it(folder: Path, repository: Path) -> None:
    program = folder / "sleeps"
    program.write_text(SLEEPS)
    program.chmod(0o700)
    code = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from tests.scoring.engine.fronts.test_rust import started\n"
        "print(started(Path(sys.argv[2]), Path(sys.argv[2]).parent).pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(repository), str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not has_ended(pid)
        parent.kill()
    wait_until(lambda: has_ended(pid), 10)


def test_its_environment_has_no_key_of_ours_and_few_threads() -> None:
    kept = environment({"SCORING_API_KEY": "k", "VLLM_API_KEY": "k", "HF_HOME": "/h"})
    assert kept["HF_HOME"] == "/h"
    assert "k" not in kept.values()
    assert 1 <= int(kept["TOKIO_WORKER_THREADS"]) <= 8


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param(
            ["INFO ready", "ERROR 12-01 failed", "Caused by:", "  no tokenizer"],
            "ERROR 12-01 failed no tokenizer",
            id="cause",
        ),
        pytest.param(
            [
                "error: invalid value '{}' for '--args-json <JSON>': ",
                "not implemented:",
                "- uvicorn_log_level",
                "Remove these arguments to continue.",
            ],
            "error: not implemented: - uvicorn_log_level",
            id="refused",
        ),
    ],
)
def test_last_words(lines: list[str], words: str) -> None:
    assert last_words(lines) == words
