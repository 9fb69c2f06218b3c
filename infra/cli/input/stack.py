"""Opens what a command works on: the spec, and Azure or the emulator."""

from dataclasses import replace
from pathlib import Path

import click

from infra.azure.target import Target, open_target
from infra.cli.terminal.invocation import Invocation
from infra.spec.file import load_spec
from infra.spec.model import StackSpec

skip_smoke_test_option = click.option(
    "--skip-smoke-test",
    is_flag=True,
    help="Ask the deployment nothing and move the traffic untested, e.g. on a private endpoint.",
)
no_lock_option = click.option(
    "--no-lock",
    is_flag=True,
    help="Dangerous: take no lock, so that nothing keeps others from changing the same stack at the same time.",
)


def open_stack(call: Invocation, path: Path, *, no_lock: bool = False) -> tuple[StackSpec, Target]:
    """The spec, and Azure; with `--local` the emulator, which is started if it is not running."""
    spec = load_spec(path, environ=call.environ, local=call.local)
    target = open_target(spec, local=call.local, environ=call.environ)
    target.arm.tell_of_waits(call.out.message)
    target.require_login()
    return spec, replace(target, locked=not no_lock)
