"""Opens what a command works on: the spec, and Azure or the emulator."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from infra.azure.target import Target, WhenAbsent, open_target, open_workspace
from infra.cli.terminal.invocation import Invocation
from infra.errors import SpecError
from infra.spec.check import Mistakes, read_as
from infra.spec.file import load_spec
from infra.spec.model import StackSpec, WorkspaceSpec

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

currency_option = click.option(
    "--currency", metavar="CODE", help="Show prices in this currency, e.g. EUR; GATELIFT_CURRENCY or USD if omitted."
)


def open_stack(
    call: Invocation,
    path: Path,
    absent: WhenAbsent = "refuse",
    *,
    no_lock: bool = False,
    currency: str | None = None,
) -> tuple[StackSpec, Target]:
    """The spec, and Azure; with `--local` the emulator, which is started if it is not running.

    `absent` says what happens where the emulator lacks the workspace (`open_target`), `currency` is that of prices.
    """
    spec = load_spec(path, environ=call.environ, local=call.local, folders=absent != "refuse")
    target = open_target(spec, local=call.local, environ=call.environ, absent=absent, currency=currency)
    target.arm.tell_of_waits(call.out.message)
    target.hub.tell_of_waits(call.out.message)
    target.require_login()
    return spec, replace(target, locked=not no_lock)


def open_named_workspace(call: Invocation, values: Mapping[str, Any], *, currency: str | None = None) -> Target:
    """The workspace with these values of the spec's `workspace`; raises `SpecError` for values that it refuses."""
    try:
        where = read_as(WorkspaceSpec, values)
    except Mistakes as mistakes:
        raise SpecError(f"the workspace cannot be named so: {mistakes}") from None
    target = open_workspace(where, local=call.local, environ=call.environ, currency=currency)
    target.arm.tell_of_waits(call.out.message)
    target.require_login()
    return target


take_over_option = click.option(
    "--take-over", is_flag=True, help="Make the connection and the catalog entry this stack's own if others made them."
)


def taking_over(opened: tuple[StackSpec, Target], take_over: bool) -> tuple[StackSpec, Target]:
    """The same with `take_over` set in the spec, if the option was given."""
    spec, target = opened
    return (spec.but(take_over=True) if take_over else spec), target
