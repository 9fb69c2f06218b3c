"""The server processes of a bench: all with the same arguments and environment, always stopped at the end."""

import contextlib
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from scoring.engine.fronts.binary import NoBinary, find_binary
from scoring.engine.versions import installed_version

REPO = Path(__file__).resolve().parents[3]
TICK = os.sysconf("SC_CLK_TCK")
# vLLM's own server with its Python front, with its Rust front, and ours.
PROGRAMS = {
    "bare": ["vllm.entrypoints.cli.main", "serve"],
    "rust": ["vllm.entrypoints.cli.main", "serve"],
    "ours": ["scoring"],
}
LIVENESS = {"bare": "/health", "rust": "/health", "ours": "/health/live"}
READINESS = {"bare": "/health", "rust": "/health", "ours": "/health/ready"}
PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """Return the environment of all servers; on a CPU it has the settings with which vLLM performs well."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(REPO), str(REPO / "scripts" / "benches")]),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1",  # the null engine's prompts may be longer than its model takes
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _environment_of(kind: str) -> dict[str, str]:
    """Return what `vllm serve` needs besides: its Rust front, and a distribution of the name that it looks for."""
    if kind == "ours":
        return {}
    path = os.pathsep.join([*_distribution(), environment()["PYTHONPATH"]])
    if kind == "bare":
        return {"PYTHONPATH": path, "VLLM_USE_RUST_FRONTEND": "0"}
    return {"PYTHONPATH": path, "VLLM_USE_RUST_FRONTEND": "1", "VLLM_RUST_FRONTEND_PATH": str(rust_program())}


def rust_program() -> Path:
    """The program of vLLM's Rust front end, which has the load client, too."""
    found = find_binary(os.environ)
    if isinstance(found, NoBinary):
        raise SystemExit(f"no load client and no Rust front: {found.reason}")
    return found.path


def _distribution() -> list[str]:
    try:
        metadata.version("vllm")
    except metadata.PackageNotFoundError:
        return [_cpu_distribution().name]
    return []


@functools.cache
def _cpu_distribution() -> "tempfile.TemporaryDirectory[str]":
    """A folder in which the package vllm-cpu is also known as vllm, as `vllm serve` wants it; deleted at the end."""
    folder = tempfile.TemporaryDirectory(prefix="bench-vllm-")
    version = f"{installed_version()}+cpu"
    info = Path(folder.name) / f"vllm-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    return folder


def clean_up_at_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that it first stops what it has started."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not break off the cleaning up
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def die_with_parent() -> None:
    """End the child process that calls this when its parent has ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Start:
    """Seconds from exec to the first answered liveness probe, to readiness, and to the first token of a chat."""

    liveness: float = 0.0
    ready: float = 0.0
    first_token: float = 0.0


@dataclass
class Server:
    """One server process of the arm `kind` with its children."""

    kind: str
    arguments: list[str]
    log: Path
    model: str = "bench"
    extra_environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    started: float = 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        """Start the process, which is killed when the bench ends."""
        self.port = free_port()
        command = [sys.executable, "-m", *PROGRAMS[self.kind], "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                [*command, *self.arguments],
                cwd=REPO,
                env={**environment(), **_environment_of(self.kind), **self.extra_environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self, timeout: float = 300) -> Start:
        """Poll until a chat is answered with a token; return how long each step took."""
        start = Start()
        start.liveness = self._until(lambda: self._status(LIVENESS[self.kind]) == 200, timeout)
        start.ready = self._until(lambda: self._status(READINESS[self.kind]) == 200, timeout)
        start.first_token = self._until(self._answers, timeout)
        return start

    def _until(self, done: "object", timeout: float) -> float:
        while not done():  # type: ignore[operator]
            if self.process is None or self.process.poll() is not None:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise SystemExit(f"{self.kind} ended while starting, its log ends:\n{tail}")
            if time.monotonic() - self.started > timeout:
                raise SystemExit(f"{self.kind} was not ready after {timeout:.0f} s, see {self.log}")
            time.sleep(0.02)
        return time.monotonic() - self.started

    def _status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def _answers(self) -> bool:
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds used so far: by our or vLLM's Python process with the port, by vllm-rs, and by all others."""
        assert self.process is not None  # noqa: S101
        spent = {"own": _cpu(self.process.pid), "rust": 0.0, "engine": 0.0}
        for pid in family(self.process.pid)[1:]:
            spent["rust" if _name(pid) == "vllm-rs" else "engine"] += _cpu(pid)
        return spent

    def peak_mib(self) -> float:
        """The sum of the peak resident memory of all its processes, in MiB."""
        assert self.process is not None  # noqa: S101
        return sum(_peak_kib(pid) for pid in family(self.process.pid)) / 1024

    def stop(self) -> None:
        """Stop the process and its children, also those that bare vLLM has left behind when it was killed."""
        if self.process is None:
            return
        members = family(self.process.pid)
        for pid in reversed(members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def family(pid: int) -> list[int]:
    """Return a process and its descendants, parents first."""
    found = [pid]
    for member in found:
        try:
            for task in Path(f"/proc/{member}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
