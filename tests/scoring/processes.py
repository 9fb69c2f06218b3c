"""Scoring processes for tests: started on a free loopback port, watched through their log, always ended."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 240.0


class Process:
    """A child process whose combined output can be waited for, line by line."""

    started: ClassVar[list["Process"]] = []  # in this run of pytest, until a test begins after their end

    def __init__(self, command: Sequence[str], *, environ: Mapping[str, str], folder: Path) -> None:
        self._child = subprocess.Popen(
            command, env=dict(environ), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.started.append(self)
        self.ended = False  # because a test wanted it to
        self.lines: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def title(self) -> str:
        """Which process this is, and how it does."""
        code = self._child.poll()
        return f"{' '.join(map(str, self._child.args))}: {'running' if code is None else f'ended with {code}'}"

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout:
            for line in self._child.stdout:
                self.lines.append(line)
                self._new.put(line)
        self._new.put(None)

    def wait_for_line(self, text: str, limit: float = START_LIMIT) -> str:
        """Return the next line with `text` in it; fail with the log when the process ends without."""
        deadline = time.monotonic() + limit
        while True:
            line = self._new.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"ended without {text!r}:\n{self.output}"
            if text in line:
                return line

    def wait_for_end(self, limit: float = 30) -> None:
        """Wait until the output has been read to its end."""
        deadline = time.monotonic() + limit
        while self._new.get(timeout=max(0.1, deadline - time.monotonic())) is not None:
            pass

    def wait(self, limit: float = 60) -> int:
        return self._child.wait(limit)

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def end(self) -> None:
        """End it and whatever it has started."""
        self.ended = True
        if self._child.poll() is None:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(10)
        self._reader.join(10)


class ScoringServer(Process):
    """`python -m scoring` on a port of its own choosing."""

    base_url = ""

    def wait_until_listening(self) -> None:
        self.base_url = self.wait_for_line("listening on").split()[-1]

    def wait_until_ready(self) -> None:
        self.wait_for_line("[startup] ready")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.base_url + path, timeout=30)


def wait_until(done: Callable[[], bool], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Whether a process is no more, or only waits for somebody to ask how it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def clean_environ(**more: str) -> dict[str, str]:
    """Return an environment with nothing of the tester's Hub or Azure settings in it."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("HF_", "AZURE", "AML_", "SCORING_", "VLLM_", "OTEL_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PORT": "0", **more}


@contextmanager
def scoring_server(*arguments: str, **environ: str) -> Iterator[ScoringServer]:
    """Run the server, listening; ended at the end."""
    command = [sys.executable, "-m", "scoring", *arguments]
    server = ScoringServer(command, environ=clean_environ(**environ), folder=ROOT)
    try:
        server.wait_until_listening()
        yield server
    finally:
        server.end()


RANDOM_CHAT = {
    "served_model_name": "random",
    "max_model_len": 2048,
    "max_num_seqs": 8,
    "reasoning_parser": "qwen3",
    "enable_auto_tool_choice": True,
    "tool_call_parser": "hermes",
}


@contextmanager
def two_engines(chat: Path, name: str, embeddings: Path, store_url: str, **environ: str) -> Iterator[ScoringServer]:
    """Run a ready server with a chat model and an embedding model."""
    engines = [{"model": str(chat), **RANDOM_CHAT}, {"model": str(embeddings), "served_model_name": name}]
    settings = {"SCORING_ENGINES": json.dumps(engines), "SCORING_RESPONSE_STORE": store_url, **environ}
    with scoring_server(**settings) as server:
        server.wait_until_ready()
        yield server
