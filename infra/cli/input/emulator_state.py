"""Which emulator a command means, and whether it runs."""

from pathlib import Path

import click

from infra.cli.terminal.invocation import PATH, Invocation
from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from infra.errors import NotReady
from infra.paths import default_emulator_state

state_option = click.option(
    "--state", type=PATH, metavar="DIR", help="Its state folder; the one that --local uses if left out."
)


def state_folder(call: Invocation, state: Path | None) -> Path:
    """The state folder that was asked for, absolute: the emulator does not run where the command does."""
    return (state or default_emulator_state(call.environ)).expanduser().absolute()


def running(call: Invocation, state: Path | None) -> EmulatorProfile:
    """The emulator with that state; NotReady if none runs."""
    folder = state_folder(call, state)
    profile = launcher.status(folder)
    if profile is None:
        raise NotReady(
            f"no emulator runs with the state {folder}", hint="`gatelift emulator start` starts one", code="not_running"
        )
    return profile
