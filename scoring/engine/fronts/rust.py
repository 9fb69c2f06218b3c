"""vLLM's Rust front end as a process of ours: started beside the engine, watched, and ended with this server.

It is client 0 of the engine and speaks HTTP on a Unix socket that only this user can reach.
"""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scoring.engine.fronts.binary import RustBinary

logger = logging.getLogger("scoring")

MOST_THREADS = 8  # of each kind; by default as many as 32, which slow long prompts down fourfold on two cores
SECRETS = ("VLLM_API_KEY", "SCORING_API_KEY")  # our surface asks for the key; a process that does not shall not know it
LAST_LINES = 12  # kept to say why it has ended
END_SECONDS = 5.0
NOTICE = re.compile(r"For more information, try|Remove these arguments|^Caused by:$")
ALL_ARGUMENTS = re.compile(r"invalid value '.*' for '--args-json <JSON>': ?")  # of all, where one is meant
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PREFIX = re.compile(r"^\(RustFrontend pid=\d+\)\s+")
# Runs in the new process before vllm-rs does: the kernel ends it when the thread that has started it is gone. The
# parent is asked for once more, since it may have died before the kernel was told.
WITH_PARENT = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"
    "os.getppid() == int(sys.argv[1]) or os._exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)

_fronts: "list[RustFront]" = []  # that have been started here


@dataclass
class Relayed:
    """What the relay sees of the Rust front's requests."""

    waiting: int = 0  # requests that wait for the engine, not for their client
    pieces: int = 0  # pieces of answers that have come, ever


class Listener(Protocol):
    """A socket that the engine connects to, as vLLM binds it for a front."""

    address: str
    socket: socket.socket

    def cleanup(self) -> None:
        """Close it and remove its file."""


class Listeners(Protocol):
    """vLLM's listening sockets of all fronts; what it takes from them and gives to them, each by the front's number.

    When this object is dropped, vLLM removes the sockets' files: an engine whose threads have not all connected by then
    never answers.
    """

    inputs: Sequence[Listener]
    outputs: Sequence[Listener]

    def cleanup(self) -> None:
        """Close those that are still open here, and remove the files."""


class RustFront:
    """One vllm-rs; `taking` is where the engine connects for what it shall do, `giving` for what it has done.

    It is the first of the fronts that listen, and keeps the files of all their sockets until it is closed.
    """

    def __init__(self, binary: RustBinary, listeners: Listeners) -> None:
        self._listeners = listeners
        self.taking, self.giving = listeners.inputs[0], listeners.outputs[0]
        self.pid = 0
        self.ending = False  # because we end it
        self.closed = False
        self._program = str(binary.path)
        self.path = ""
        self._started: Future[int] = Future()
        self._ended: Future[int] = Future()
        self._lines: deque[str] = deque(maxlen=LAST_LINES)

    def start(self, arguments: Mapping[str, Any]) -> None:
        """Start the process with vLLM's arguments as JSON; one that cannot be started has ended then.

        Call it when the engine's process has been forked: that one must not inherit the socket.
        """
        _fronts.append(self)
        try:
            # The folder is of mode 0700. The socket is closed here in the end: else connections would be taken, and
            # never answered, when vllm-rs has died.
            self.path = f"{tempfile.mkdtemp(prefix='gatelift-')}/vllm-rs.sock"
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(self.path)
                listener.listen(2048)
                numbers = [one.fileno() for one in (listener, self.taking.socket, self.giving.socket)]
                command = command_line(self._program, numbers, arguments)
                threading.Thread(target=self._run, args=(command, numbers), daemon=True, name="vllm-rs").start()
                self.pid = self._started.result()
        except OSError as error:
            self._lines.append(f"error: {error}")
            self._ended.set_result(error.errno or 1)
        finally:
            self.taking.socket.close()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.pid != 0 and not self._ended.done()

    async def ended(self) -> None:
        """Return when the process has ended."""
        await asyncio.shield(asyncio.wrap_future(self._ended))

    def why(self) -> str:
        """Say how it has ended: the signal, or what it has said at last."""
        code = self._ended.result() if self._ended.done() else 0
        words = last_words(self._lines)
        return f"ended by signal {-code}" if code < 0 else f"ended with {code}" + (f": {words}" if words else "")

    def end(self) -> None:
        """End the process."""
        self.ending = True
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # it keeps nothing that it would have to write
            with suppress(TimeoutError):
                self._ended.result(END_SECONDS)
        if self.path:
            shutil.rmtree(Path(self.path).parent, ignore_errors=True)

    def close(self) -> None:
        """End the process, and take back what the engine connects to."""
        self.closed = True
        self.end()
        self._listeners.cleanup()

    def _run(self, command: list[str], numbers: list[int]) -> None:
        """Live as long as the process: the kernel ends it with the thread that has started it."""
        try:
            process = subprocess.Popen(
                command,
                pass_fds=numbers,
                env=environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we drain first
                text=True,
                errors="replace",
            )
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(process.pid)
        with process:
            for line in process.stdout or ():
                if text := PREFIX.sub("", COLOUR.sub("", line)).rstrip():
                    self._lines.append(text)
                    logger.info("[vllm-rs] %s", text)
        self._ended.set_result(process.returncode)


def end_fronts() -> None:
    """End what is left, as this process is about to end without further ado."""
    for front in _fronts:
        front.close()


def command_line(program: str, numbers: list[int], arguments: Mapping[str, Any]) -> list[str]:
    """Spell how vLLM itself starts the program, for one engine."""
    listening, taking, giving = (str(number) for number in numbers)
    return [
        *(sys.executable, "-I", "-S", "-c", WITH_PARENT, str(os.getpid())),
        *(program, "frontend"),
        *("--listen-fd", listening, "--input-listener-fd", taking, "--output-listener-fd", giving),
        *("--engine-start-index", "0", "--engine-count", "1", "--data-parallel-size", "1"),
        *("--args-json", json.dumps(arguments, sort_keys=True)),
    ]


def environment(environ: Mapping[str, str]) -> MutableMapping[str, str]:
    """Return the environment of the process: without our keys, with as many threads as it can use."""
    kept = {name: value for name, value in environ.items() if name not in SECRETS}
    threads = str(max(1, min(MOST_THREADS, len(os.sched_getaffinity(0)))))
    kept.setdefault("VLLM_RS_REQUEST_WORKER_THREADS", threads)
    kept.setdefault("TOKIO_WORKER_THREADS", threads)
    kept.setdefault("NO_COLOR", "1")
    return kept


def last_words(lines: Iterable[str]) -> str:
    """Return the error among the last lines of a process, in one line of at most 300 characters."""
    said = [ALL_ARGUMENTS.sub("", line) for line in lines if not NOTICE.search(line.strip())]
    begin = max(
        (at for at, line in enumerate(said) if line.startswith("error:") or " ERROR " in f" {line} "), default=0
    )
    return " ".join(" ".join(said[begin:]).split())[:300]
