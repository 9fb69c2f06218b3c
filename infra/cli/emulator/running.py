"""Which emulator a command works on, and whether it is running."""

from pathlib import Path

import click

from infra.cli.terminal.invocation import PATH, Invocation
from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from infra.errors import NotReady
from infra.paths import default_emulator_state
from infra.portal import Portal

state_option = click.option(
    "--state", type=PATH, metavar="DIR", help="The emulator's state folder; the one that --local uses if omitted."
)


def state_folder(call: Invocation, state: Path | None) -> Path:
    """The absolute path of the state folder: the emulator runs in another working directory."""
    return (state or default_emulator_state(call.environ)).expanduser().absolute()


def running_emulator(call: Invocation, state: Path | None) -> EmulatorProfile:
    """The emulator that runs with this state folder; NotReady if none does."""
    folder = state_folder(call, state)
    profile = launcher.status(folder)
    if profile is None:
        raise NotReady(
            f"no emulator is running with the state folder {folder}",
            hint="`gatelift emulator start` starts one",
            code="not_running",
        )
    return profile


def running_portal(call: Invocation, state: Path | None) -> Portal:
    """The portal of the emulator that runs with this state folder; NotReady if none does."""
    return Portal(running_emulator(call, state).portal)
