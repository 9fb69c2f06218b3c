"""Opens what a command works on: the spec, and Azure or the emulator."""

from pathlib import Path

from infra.azure.target import Target, open_target
from infra.cli.terminal.invocation import Invocation
from infra.spec.file import load_spec
from infra.spec.model import StackSpec


def open_stack(call: Invocation, path: Path) -> tuple[StackSpec, Target]:
    """The spec, and Azure; with `--local` the emulator, which is started if it is not running."""
    spec = load_spec(path, environ=call.environ, local=call.local)
    target = open_target(spec, local=call.local, environ=call.environ)
    target.arm.tell_of_waits(call.out.message)
    target.require_login()
    return spec, target
