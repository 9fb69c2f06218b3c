"""The process that a matrix kills: runs `up` or `down` of one stack and reports what it did."""

import os
import re
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from infra.azure.target import open_target
from infra.cli.main import report_error
from infra.cli.terminal.output import Output, OutputFormat
from infra.errors import GateliftError
from infra.operations.capacity.park import park
from infra.operations.capacity.wake import wake
from infra.operations.down import down
from infra.operations.token import token_rotate
from infra.operations.up import up
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.planning.prepare import prepare
from infra.spec.model import StackSpec, spec_from

REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
CONTAINER = Path(__file__).resolve().parents[1] / "container"


@dataclass
class Report:
    """How the command ended: `error` is a `GateliftError`, `unexpected` the traceback of any other exception."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    error: dict[str, str] = field(default_factory=dict)
    unexpected: str = ""
    killed: bool = False

    @property
    def good(self) -> bool:
        """Whether the command succeeded."""
        return not (self.error or self.unexpected or self.killed)


class Talker:
    """A reporter that prints everything to standard output, which is searched for the token later."""

    def phase_started(self, kind: str, name: str) -> None:
        """Say it."""
        self.note(f"{kind} {name} ...")

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        """Say it."""
        self.note(f"{kind} {name} {seconds:.2f} s {detail}")

    def note(self, text: str) -> None:
        """Say it."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def progress(self, kind: str, name: str, done: int, total: int) -> None:
        """Say it."""
        self.note(f"{kind} {name} {done} of {total}")

    def failed(self, kind: str, name: str, seconds: float, message: str) -> None:
        """Say it."""
        self.note(f"{kind} {name} failed: {message}")


def work(
    verb: str, spec: dict[str, Any], token: str | None, environ: dict[str, str], folder: Path, answer: Connection
) -> None:
    """Run the command, and after a plain `up` check that the plan is empty; its output goes to a file in `folder`."""
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    tempfile.tempdir = str(folder)
    report = Report()
    sys.addaudithook(lambda event, arguments: _note(event, arguments, report))
    try:
        _run(verb, spec_from(spec), token, environ)
    except GateliftError as error:
        report_error(Output(OutputFormat.TEXT), error)
        report.error = {"code": error.code, "message": str(error), "hint": error.hint}
    except BaseException:
        report.unexpected = traceback.format_exc()
        sys.stderr.write(report.unexpected)
    sys.stdout.flush()
    answer.send(report)
    os._exit(0)  # ends like a command, without waiting for the remaining threads


def _run(verb: str, spec: StackSpec, token: str | None, environ: dict[str, str]) -> None:
    target = open_target(spec, local=True, environ=environ, absent="make")
    if verb == "down":
        down(spec, target, reporter=Talker())
        return
    if verb == "park":
        park(spec, target, reporter=Talker())
        return
    if verb == "wake":
        wake(spec, target, reporter=Talker())
        return
    if verb == "rotate":
        token_rotate(spec, target, str(token), reporter=Talker())
        return
    sources = Sources(CONTAINER, bundled("environments") / "vllm")
    up(prepare(spec, target, token=token, sources=sources, with_credential=True), target, reporter=Talker())
    if verb == "up beside others":
        return
    planned = prepare(spec, target, token=None, sources=sources).plan
    if planned.has_changes:
        raise RuntimeError(f"the plan after it is not empty: {planned.to_json()}")


def _note(event: str, arguments: tuple[Any, ...], report: Report) -> None:
    """Python's own audit event of each request that is sent by `http.client`, which all of Azure's packages use."""
    if event != "http.client.send" or not isinstance(arguments[1], bytes | bytearray):
        return
    if match := REQUEST_LINE.match(bytes(arguments[1][:4000])):
        report.requests.append((match[1].decode(), match[2].decode()))
