"""Runs `up` of a stack and kills its own process, as `kill -9` does, once a phase begins or ends.

Takes the spec as JSON, the kind of the phase, and `begin` or `end`; the emulator's state from the environment. Prints
the kinds of the phases that ended.
"""

import json
import os
import signal
import sys
from pathlib import Path

from infra.azure.target import open_target
from infra.operations.up import up
from infra.paths import bundled
from infra.planning.desired import Sources
from infra.planning.prepare import prepare
from infra.reporter import Silent
from infra.spec.model import spec_from


class Deadly(Silent):
    """A reporter that ends the process."""

    def __init__(self, kind: str, moment: str) -> None:
        self.at = kind, moment

    def phase_started(self, kind: str, name: str) -> None:
        self.kill_at(kind, "begin")

    def phase_finished(self, kind: str, name: str, seconds: float, detail: str = "") -> None:
        sys.stdout.write(f"{kind}\n")
        sys.stdout.flush()
        self.kill_at(kind, "end")

    def kill_at(self, kind: str, moment: str) -> None:
        if (kind, moment) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(written: str, kind: str, moment: str) -> None:
    spec = spec_from(json.loads(written))
    sources = Sources(Path(__file__).parent / "container", bundled("environments") / "vllm")
    target = open_target(spec, local=True, environ=dict(os.environ), absent="make")
    up(prepare(spec, target, token=None, sources=sources), target, reporter=Deadly(kind, moment))


if __name__ == "__main__":
    main(*sys.argv[1:])
