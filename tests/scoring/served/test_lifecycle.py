"""From the first log line to the exit code."""

import re
import signal
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def test_alive_before_ready(chat_server: Any) -> None:
    loading = chat_server.while_loading
    assert loading.status_code == 503
    assert loading.json()["status"] == "loading"
    assert chat_server.get("/health/live").status_code == 200
    ready = chat_server.get("/health/ready")
    assert ready.status_code == 200
    assert {phase["phase"] for phase in ready.json()["phases"]} == {"imports", "weights", "engine", "first token"}


def test_timeline_is_on_the_log(chat_server: Any) -> None:
    lines = [line.strip() for line in chat_server.lines if line.startswith("[startup]")]
    for phase in ("imports", "weights", "engine", "first token"):
        assert [line for line in lines if re.fullmatch(rf"\[startup\] {phase} \d+\.\d\d s", line)]
    assert re.fullmatch(r"\[startup\] ready \d+\.\d\d s", lines[-1])


def fails_with(server: ModuleType, *arguments: str, **environ: str) -> list[str]:
    """Return the last two lines of a start that must fail."""
    command = [server.sys.executable, "-m", "scoring", *arguments]
    process = server.Process(command, environ=server.clean_environ(**environ), folder=server.ROOT)
    try:
        process.wait_for_end(120)
        assert process.wait() == 1
    finally:
        process.end()
    assert "Traceback" not in process.output
    return [line.strip() for line in process.lines[-2:]]


@pytest.mark.parametrize(
    ("arguments", "environ", "cause"),
    [
        pytest.param(["/nowhere/at/all"], {}, "holds no model", id="no-such-folder"),
        pytest.param([], {}, "no model is named", id="no-model"),
        pytest.param([], {"SCORING_MODEL": "/nowhere"}, "holds no model", id="no-such-folder-in-environment"),
        pytest.param(
            [], {"SCORING_MODEL": "a/b", "HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot download a/b", id="hub-is-down"
        ),
    ],
)
def test_failed_start_says_why(
    scoring_processes: ModuleType, arguments: list[str], environ: dict[str, str], cause: str
) -> None:
    failed, hint = fails_with(scoring_processes, *arguments, **environ)
    assert failed.startswith("[startup] failed: ")
    assert cause in failed
    assert re.fullmatch(r"hint: .+", hint)


def test_port_in_use_is_told_at_once(scoring_processes: ModuleType, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = scoring_processes.Process(
            [scoring_processes.sys.executable, "-m", "scoring", "x/y"],
            environ=scoring_processes.clean_environ(PORT=str(taken.getsockname()[1])),
            folder=tmp_path,
        )
        process.wait_for_end()
        process.end()
        assert process.wait() == 1
    assert "cannot listen on 127.0.0.1" in process.output
    assert "Traceback" not in process.output


def test_stopping_while_loading_is_quick_and_clean(scoring_processes: ModuleType, smollm2_weights: Path) -> None:
    with scoring_processes.scoring_server(str(smollm2_weights)) as server:
        server.signal(signal.SIGTERM)
        assert server.wait(20) == 0
