"""The engine's process, forked from this one: it finds vLLM imported instead of importing it once more.

vLLM itself forks its engine on a GPU and asks for a fresh interpreter on a CPU, which imports for as long as this one
did. A process forked here lets go of our HTTP side's sockets, so that nothing listens on after this process has ended.
Forked or started afresh, an engine ends with this process.
"""

import multiprocessing
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.context import ForkContext, ForkProcess, SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any

from scoring.engine.repairs.engine_process import started_by, vllms_method

INTERNET = (socket.AF_INET, socket.AF_INET6)
OUT_OF_MEMORY = (
    "the kernel does that where memory runs out: if so, take an instance type with more, or set max_model_len"
    " (on a CPU VLLM_CPU_KVCACHE_SPACE, in GiB) lower"
)
END_SECONDS = 1.0  # given to processes that have closed everything, to be gone

_engines: list[BaseProcess] = []  # what was started by the two contexts below


class _Engine(BaseProcess):
    """A process whose end is told of, and that ends with the one it comes from."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        _engines.append(self)

    def run(self) -> None:
        """Do what the process is for."""
        _watch_parent()
        super().run()


class _ForkedProcess(_Engine, ForkProcess):
    """A forked process without the connections of the one it comes from."""

    def run(self) -> None:
        """Do what the process is for."""
        signal.set_wakeup_fd(-1)  # the server's event loop would take a signal to this process for one to itself
        close_connections()
        super().run()


class ForkedContext(ForkContext):
    """`multiprocessing`'s fork context with such processes."""

    Process = _ForkedProcess


class _SpawnedProcess(_Engine, SpawnProcess):
    """A process that was started afresh."""


class SpawnedContext(SpawnContext):
    """`multiprocessing`'s spawn context with processes that end with their parent."""

    Process = _SpawnedProcess


@contextmanager
def forked(wanted: bool, *, on_cpu: bool) -> Iterator[None]:
    """Let vLLM fork its engine from this process if that is wanted and vLLM sees no reason against it (CUDA is in use).

    Else it is started afresh, or by the fork server if vLLM's own setting asks for that.
    """
    method = vllms_method()
    may_fork = wanted and (on_cpu or method == "fork")
    if method == "forkserver" and not may_fork:
        yield
        return
    with started_by(ForkedContext() if may_fork else SpawnedContext()):
        yield


def death() -> tuple[str, str]:
    """Return which signal has ended an engine's process, and a hint; nothing where it was none.

    SIGTERM is not counted: by that vLLM ends what is left of an engine itself.
    """
    deadline = time.monotonic() + END_SECONDS
    for engine in _engines:
        while engine.pid and engine.exitcode is None and time.monotonic() < deadline:
            if not connection.wait([engine.sentinel], 0):
                break
            time.sleep(0.005)  # `join` would wait for as long as it takes
        number = -(engine.exitcode or 0)
        if number > 0 and number != signal.SIGTERM:
            return f"signal {number}, {signal.strsignal(number)}", OUT_OF_MEMORY if number == signal.SIGKILL else ""
    return "", ""


def close_connections() -> None:
    """Close every internet socket of this process."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode) and _family(int(name)) in INTERNET:
                os.close(int(name))


def _watch_parent() -> None:
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    """Do not outlive a server that was killed: the next one needs this one's memory."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _family(number: int) -> int:
    with socket.socket(fileno=os.dup(number)) as copied:
        return copied.family
